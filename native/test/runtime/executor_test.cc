#include "runtime/executor.h"

#include <doctest/doctest.h>

#include <atomic>
#include <vector>

#include "runtime/cancellation.h"
#include "support/errors.h"

namespace iba::test {

namespace {

/// Holds an executor's thread until it is opened.
class Gate {
 public:
  void open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

}  // namespace

TEST_CASE("tasks run one after another in the order of submission") {
  Executor executor(1);
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) CHECK(executor.submit([&order, i] { order.push_back(i); }));
  executor.drain();
  REQUIRE(order.size() == 100);
  for (int i = 0; i < 100; ++i) CHECK(order[static_cast<size_t>(i)] == i);
}

TEST_CASE("tasks of several threads all run, each thread's in order") {
  Executor executor(1);
  constexpr int kThreads = 4, kTasks = 200;
  std::vector<std::vector<int>> orders(kThreads);
  std::vector<std::thread> threads;
  for (auto& order : orders) {
    threads.emplace_back([&executor, &order] {
      for (int i = 0; i < kTasks; ++i) executor.submit([&order, i] { order.push_back(i); });
    });
  }
  for (auto& thread : threads) thread.join();
  executor.drain();
  for (const auto& order : orders) {
    REQUIRE(order.size() == kTasks);
    CHECK(std::is_sorted(order.begin(), order.end()));
  }
}

TEST_CASE("draining waits for what was submitted before, and only for that") {
  Executor executor(1);
  Gate gate;
  std::atomic<bool> done = false;
  executor.submit([&] {
    gate.wait();
    done = true;
  });
  std::thread opener([&] { gate.open(); });
  executor.drain();
  CHECK(done);
  opener.join();
  executor.drain();
}

TEST_CASE("closing runs what is queued and takes no more") {
  Gate gate;
  int ran = 0;
  Executor executor(1);
  executor.submit([&] { gate.wait(); });
  for (int i = 0; i < 10; ++i) executor.submit([&] { ++ran; });
  std::thread opener([&] { gate.open(); });
  executor.close();
  opener.join();
  CHECK(ran == 10);
  CHECK_FALSE(executor.submit([&] { ++ran; }));
  executor.drain();
  executor.close();
  CHECK(ran == 10);
}

TEST_CASE("an executor that goes out of use finishes its work") {
  std::atomic<int> ran = 0;
  {
    Executor executor(2);
    for (int i = 0; i < 10; ++i) executor.submit([&] { ++ran; });
  }
  CHECK(ran == 10);
}

TEST_CASE("executors run beside each other") {
  Executor first(1), second(1);
  Gate gate;
  first.submit([&] { gate.wait(); });
  second.submit([&] { gate.open(); });
  first.drain();
  second.drain();
}

TEST_CASE("work that was cancelled stops at its next check") {
  Cancellation cancellation;
  CHECK_NOTHROW(cancellation.check());
  Executor executor(1);
  std::optional<ErrorCode> code;
  int64_t rounds = 0;
  Gate started;
  executor.submit([&] {
    code = code_of([&] {
      for (;; ++rounds) {
        if (rounds == 10) started.open();
        cancellation.check();
      }
    });
  });
  started.wait();
  cancellation.cancel();
  executor.drain();
  CHECK(code == ErrorCode::aborted);
  CHECK(rounds >= 10);
  CHECK(cancellation.is_cancelled());
}

}  // namespace iba::test
