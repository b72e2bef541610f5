#include "environment.h"

namespace iba::binding {

/// A promise that waits for work. Its JavaScript references are only ever released on the JavaScript thread.
struct Environment::Job {
  explicit Job(Napi::Env env) : deferred(Napi::Promise::Deferred::New(env)) {}

  void release_references() {
    kept.clear();
    on_progress.Reset();
    on_step.Reset();
  }

  void abandon_references() {
    for (auto& reference : kept) reference.SuppressDestruct();
    on_progress.SuppressDestruct();
    on_step.SuppressDestruct();
  }

  Napi::Promise::Deferred deferred;
  std::shared_ptr<Cancellation> cancellation;
  std::vector<Napi::ObjectReference> kept;
  Napi::FunctionReference on_progress;
  Napi::FunctionReference on_step;
};

namespace {

/// Never destroyed: an environment may end after the static destructors ran.
struct Registry {
  std::mutex mutex;
  std::set<Environment*> environments;
};

Registry& registry() {
  static auto* const all = new Registry();
  return *all;
}

}  // namespace

Environment::Environment(Napi::Env env)
    : env_(env), mailbox_(Mailbox::New(env, "attribution-bottleneck", 0, 1)) {
  mailbox_.Unref(env);
  env.AddCleanupHook([](Environment* self) { self->end(); }, this);
  std::lock_guard lock(registry().mutex);
  registry().environments.insert(this);
}

Environment::~Environment() {
  std::lock_guard lock(registry().mutex);
  registry().environments.erase(this);
}

Environment& Environment::of(Napi::Env env) {
  return *env.GetInstanceData<Environment>();
}

void Environment::deliver(Napi::Env env, Napi::Function, std::nullptr_t*, Message* message) {
  std::unique_ptr<Message> owned(message);
  if (static_cast<napi_env>(env) == nullptr) return;
  (*owned)(env);
}

bool Environment::post(Message message) {
  auto owned = std::make_unique<Message>(std::move(message));
  if (mailbox_.NonBlockingCall(owned.get()) != napi_ok) return false;
  owned.release();
  return true;
}

// While promises are open the process must not end, as with any other pending work of Node's.
void Environment::hold() {
  if (pending_++ == 0) mailbox_.Ref(env_);
}

void Environment::release() {
  if (--pending_ == 0) mailbox_.Unref(env_);
}

Napi::Value Environment::run(Executor& executor, Work work, RunOptions options) {
  auto job = std::make_shared<Job>(env_);
  auto promise = job->deferred.Promise();
  job->cancellation = options.cancellation ? options.cancellation : std::make_shared<Cancellation>();
  for (auto& object : options.kept) job->kept.push_back(Napi::Persistent(object));
  auto keep = [](const Napi::Value& given, Napi::FunctionReference& reference) {
    if (!given.IsEmpty() && given.IsFunction()) reference = Napi::Persistent(given.As<Napi::Function>());
  };
  keep(options.on_progress, job->on_progress);
  keep(options.on_step, job->on_step);
  bool accepted = admit(job) && executor.submit([this, job, work = std::move(work)] { execute(job, work); });
  hold();
  if (!accepted) {
    finish(job, [job](Napi::Env env) {
      job->deferred.Reject(
          to_js_error(env, {ErrorCode::aborted, "The process is ending: no work is taken any more."})
              .Value());
    });
  }
  return promise;
}

bool Environment::admit(const std::shared_ptr<Job>& job) {
  std::lock_guard lock(mutex_);
  if (!ended_) running_.insert(job);
  return !ended_;
}

void Environment::execute(const std::shared_ptr<Job>& job, const Work& work) {
  try {
    job->cancellation->check();
    Progress progress = [](int64_t, int64_t) {};
    if (!job->on_progress.IsEmpty()) {
      progress = [this, job](int64_t done, int64_t total) {
        post([job, done, total](Napi::Env env) {
          Napi::HandleScope scope(env);
          job->on_progress.Call({Napi::Number::New(env, static_cast<double>(done)),
                                 Napi::Number::New(env, static_cast<double>(total))});
        });
      };
    }
    StepTelling tell_step;
    if (!job->on_step.IsEmpty()) {
      tell_step = [this, job](Conversion found) {
        post([job, found = std::move(found)](Napi::Env env) {
          Napi::HandleScope scope(env);
          job->on_step.Call({found(env)});
        });
      };
    }
    auto conversion = work(*job->cancellation, progress, tell_step);
    finish(job, [job, conversion = std::move(conversion)](Napi::Env env) {
      try {
        job->deferred.Resolve(conversion(env));
      } catch (const Napi::Error& error) {
        job->deferred.Reject(error.Value());
      } catch (...) {
        job->deferred.Reject(to_js_error(env, current_failure()).Value());
      }
    });
  } catch (...) {
    auto failure = current_failure();
    finish(job, [job, failure](Napi::Env env) { job->deferred.Reject(to_js_error(env, failure).Value()); });
  }
}

void Environment::finish(const std::shared_ptr<Job>& job, Message settle) {
  bool posted = post([this, job, settle = std::move(settle)](Napi::Env env) {
    Napi::HandleScope scope(env);
    settle(env);
    job->release_references();
    release();
  });
  // Otherwise the environment is gone, and its references with it.
  if (!posted) job->abandon_references();
  // Notified under the lock: once `end` sees an empty set, this object may be destroyed.
  std::lock_guard lock(mutex_);
  running_.erase(job);
  if (running_.empty()) idle_.notify_all();
}

void Environment::cancel() {
  std::lock_guard lock(mutex_);
  ended_ = true;
  for (const auto& job : running_) job->cancellation->cancel();
}

void Environment::end() {
  cancel();
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return running_.empty(); });
}

void Environment::cancel_all() {
  std::lock_guard lock(registry().mutex);
  for (Environment* environment : registry().environments) environment->cancel();
}

}  // namespace iba::binding
