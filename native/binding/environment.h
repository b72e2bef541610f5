#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "binding_error.h"
#include "runtime/cancellation.h"
#include "runtime/executor.h"

namespace iba::binding {

/// Makes the JavaScript value of finished work. Runs on the JavaScript thread.
using Conversion = std::function<Napi::Value(Napi::Env)>;
/// Tells JavaScript how far the work is: what is done, and of how much. May be called from any thread.
using Progress = std::function<void(int64_t done, int64_t total)>;
/// Tells JavaScript what a step of the work found, as the value that the conversion makes. May be called from
/// any thread. Empty where JavaScript doesn't want to know.
using StepTelling = std::function<void(Conversion)>;
/// Work for an executor thread: it must not touch JavaScript.
using Work = std::function<Conversion(const Cancellation&, const Progress&, const StepTelling&)>;

/// What may go with a piece of work.
struct RunOptions {
  std::shared_ptr<Cancellation> cancellation = nullptr;
  Napi::Value on_progress = {};         // called with two numbers, if it is a function
  Napi::Value on_step = {};             // called with what a step found, if it is a function
  std::vector<Napi::Object> kept = {};  // stay alive until the work is done
};

/// One JavaScript environment (the main thread, or a worker thread) and the work it is waiting for. When the
/// environment ends, its work is cancelled and waited for, so that nothing of ours outlives it.
class Environment {
 public:
  explicit Environment(Napi::Env env);
  ~Environment();

  /// The environment of a call.
  static Environment& of(Napi::Env env);

  /// Runs the work on the executor and settles the returned promise with its result.
  Napi::Value run(Executor& executor, Work work, RunOptions options = {});

  /// Cancels all work of this environment and waits until none is running.
  void end();

  /// Cancels all work of all environments, which take no more. Doesn't wait.
  static void cancel_all();

 private:
  struct Job;
  using Message = std::function<void(Napi::Env)>;
  static void deliver(Napi::Env env, Napi::Function, std::nullptr_t*, Message* message);
  using Mailbox = Napi::TypedThreadSafeFunction<std::nullptr_t, Message, deliver>;

  void cancel();
  bool admit(const std::shared_ptr<Job>& job);
  void execute(const std::shared_ptr<Job>& job, const Work& work);
  void finish(const std::shared_ptr<Job>& job, Message settle);
  bool post(Message message);
  void hold();
  void release();

  Napi::Env env_;
  Mailbox mailbox_;
  size_t pending_ = 0;  // jobs whose promises are open; only touched on the JavaScript thread

  std::mutex mutex_;
  std::condition_variable idle_;
  bool ended_ = false;
  std::set<std::shared_ptr<Job>> running_;
};

}  // namespace iba::binding
