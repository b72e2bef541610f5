#include "executors.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "error.h"

namespace iba::binding {

namespace {

/// Never destroyed: static destructors run after LibTorch's own.
struct Executors {
  std::mutex mutex;
  std::map<std::string, std::unique_ptr<Executor>> by_name;
  bool closed = false;
};

Executors& executors() {
  static auto* const all = new Executors();
  return *all;
}

/// Many more threads than processors are of no use, and more than the system has room for end the process.
int most_threads() {
  constexpr int kAlwaysTaken = 64;
  constexpr int kPerProcessor = 4;
  return std::max(kAlwaysTaken, kPerProcessor * static_cast<int>(std::thread::hardware_concurrency()));
}

int checked_threads(const std::string& variable, const std::string& given) {
  int threads = 0;
  auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), threads);
  bool is_whole = error == std::errc() && end == given.data() + given.size();
  if (is_whole && threads >= 1 && threads <= most_threads()) return threads;
  throw Error(ErrorCode::invalid_argument, "The environment's " + variable + " is '" + given +
                                               "'. Expected a whole number of threads, from 1 to " +
                                               std::to_string(most_threads()) + ".");
}

/// A new thread would compute alone: LibTorch's number of threads is a setting of each calling thread.
int chosen_threads() {
  const char* own = std::getenv("IBA_THREADS");
  if (own && *own) return checked_threads("IBA_THREADS", own);
  int threads = at::get_num_threads();
  for (const char* variable : {"OMP_NUM_THREADS", "MKL_NUM_THREADS"}) {
    if (std::getenv(variable)) return checked_threads(variable, std::to_string(threads));
  }
  return threads;
}

Executor& executor_named(const std::string& name, int threads) {
  auto& all = executors();
  std::lock_guard lock(all.mutex);
  auto& executor = all.by_name[name];
  if (!executor) {
    executor = std::make_unique<Executor>(threads);
    if (all.closed) executor->close();
  }
  return *executor;
}

}  // namespace

Executor& executor_of(at::Device device) {
  return executor_named(device.str(), chosen_threads());
}

Executor& image_executor() {
  return executor_named("images", 1);
}

void close_executors() {
  auto& all = executors();
  std::lock_guard lock(all.mutex);
  all.closed = true;
  for (auto& [name, executor] : all.by_name) executor->close();
}

}  // namespace iba::binding
