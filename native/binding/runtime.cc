#include <ATen/Version.h>

#include "arguments.h"
#include "environment.h"
#include "executors.h"
#include "handles.h"
#include "module.h"
#include "runtime/device.h"

namespace iba::binding {

namespace {

Napi::Value describe_runtime(const Napi::CallbackInfo& info) {
  auto env = info.Env();
  auto description = Napi::Object::New(env);
  description.Set("libtorch", TORCH_VERSION);
  description.Set("cpuCapability", at::get_cpu_capability());
  description.Set("threads", Napi::Number::New(env, at::get_num_threads()));
  description.Set("cudaDevices", Napi::Number::New(env, static_cast<double>(cuda_device_count())));
  return description;
}

Napi::Value create_cancellation(const Napi::CallbackInfo& info) {
  return make_handle(info.Env(), std::make_shared<Cancellation>());
}

Napi::Value cancel(const Napi::CallbackInfo& info) {
  from_handle<Cancellation>(info[0])->cancel();
  return info.Env().Undefined();
}

/// Cancels and awaits the work of this environment. With `true`, which the main thread passes when the
/// process ends, the work of worker threads is cancelled too, and the executors' threads end.
Napi::Value shut_down(const Napi::CallbackInfo& info) {
  bool process_ends = boolean_argument(info[0], "the end of the process");
  if (process_ends) Environment::cancel_all();
  Environment::of(info.Env()).end();
  if (process_ends) close_executors();
  return info.Env().Undefined();
}

}  // namespace

void export_runtime(Napi::Object exports) {
  export_function<describe_runtime>(exports, "describeRuntime");
  export_function<create_cancellation>(exports, "createCancellation");
  export_function<cancel>(exports, "cancel");
  export_function<shut_down>(exports, "shutDown");
}

}  // namespace iba::binding
