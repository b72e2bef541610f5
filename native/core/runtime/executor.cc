#include "runtime/executor.h"

#include <future>

#include "runtime/threads.h"

namespace iba {

Executor::Executor(int threads) : thread_([this, threads] { run(threads); }) {}

Executor::~Executor() {
  close();
}

bool Executor::submit(Task task) {
  {
    std::lock_guard lock(mutex_);
    if (closed_) return false;
    queue_.push_back(std::move(task));
  }
  changed_.notify_one();
  return true;
}

void Executor::drain() {
  auto reached = std::make_shared<std::promise<void>>();
  auto done = reached->get_future();
  if (submit([reached] { reached->set_value(); })) done.wait();
}

void Executor::close() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Executor::run(int threads) {
  compute_on_threads(threads);
  for (;;) {
    Task task;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return closed_ || !queue_.empty(); });
      if (queue_.empty()) return;
      task = std::move(queue_.front());
      queue_.pop_front();
    }
    task();
  }
}

}  // namespace iba
