#include "runtime/large_stack.h"

#include <pthread.h>

#include <exception>

#include "error.h"

namespace iba {

namespace {

struct Call {
  const std::function<void()>& work;
  std::exception_ptr failure = nullptr;
};

void* run_call(void* argument) {
  auto* call = static_cast<Call*>(argument);
  try {
    call->work();
  } catch (...) {
    call->failure = std::current_exception();
  }
  return nullptr;
}

}  // namespace

void run_on_large_stack(size_t bytes, const std::function<void()>& work) {
  Call call{work};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_t thread;
  bool started = pthread_attr_setstacksize(&attributes, bytes) == 0 &&
                 pthread_create(&thread, &attributes, run_call, &call) == 0;
  pthread_attr_destroy(&attributes);
  if (!started) throw Error(ErrorCode::native, "The system gives no thread that could load a model.");
  pthread_join(thread, nullptr);
  if (call.failure) std::rethrow_exception(call.failure);
}

}  // namespace iba
