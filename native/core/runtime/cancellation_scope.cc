#include "runtime/cancellation_scope.h"

#include <utility>

namespace iba {

namespace {

thread_local const Cancellation* of_this_thread = nullptr;

}  // namespace

CancellationScope::CancellationScope(const Cancellation& cancellation)
    : outer_(std::exchange(of_this_thread, &cancellation)) {}

CancellationScope::~CancellationScope() {
  of_this_thread = outer_;
}

void check_cancelled() {
  if (of_this_thread) of_this_thread->check();
}

}  // namespace iba
