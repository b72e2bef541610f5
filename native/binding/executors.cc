#include "executors.h"

#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <string>

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

/// A new thread would compute alone: LibTorch's number of threads is a setting of each calling thread.
int chosen_threads() {
  const char* text = std::getenv("IBA_THREADS");
  int chosen = text ? std::atoi(text) : 0;
  return chosen > 0 ? chosen : at::get_num_threads();
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
