#include "support/operator_calls.h"

#include <ATen/record_function.h>

namespace iba::test {

namespace {

thread_local std::map<std::string, int64_t> calls;
thread_local int depth = 0;

std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& function) {
  if (depth++ == 0) ++calls[function.name()];
  return nullptr;
}

void end(const at::RecordFunction&, at::ObserverContext*) {
  --depth;
}

}  // namespace

std::map<std::string, int64_t> operator_calls(const std::function<void()>& work) {
  calls.clear();
  const auto watch = at::addThreadLocalCallback(
      at::RecordFunctionCallback(&begin, &end).scopes({at::RecordScope::FUNCTION}));
  work();
  at::removeCallback(watch);
  return calls;
}

}  // namespace iba::test
