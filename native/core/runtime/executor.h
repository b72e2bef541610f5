#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace iba {

/// A thread of our own with a queue in front of it. Tasks run one after another, in the order of submission.
class Executor {
 public:
  using Task = std::function<void()>;

  /// `threads` is how many threads LibTorch may use for each task.
  explicit Executor(int threads);
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  /// Queues a task, which must not throw. Returns false once the executor is closed.
  bool submit(Task task);

  /// Waits until every task submitted so far has run.
  void drain();

  /// Runs what is queued, then ends the thread and waits for it. Safe to call more than once.
  void close();

 private:
  void run(int threads);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> queue_;
  bool closed_ = false;
  std::thread thread_;
};

}  // namespace iba
