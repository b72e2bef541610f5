#include <ATen/Version.h>

#include <mutex>

#include "calls.h"
#include "executors.h"
#include "handles.h"
#include "module.h"
#include "runtime/device.h"
#include "runtime/gpu_arithmetic.h"
#include "runtime/precision_probe.h"

namespace iba {

void fields(Of<PrecisionProbe> auto& probe, auto&& field) {
  field("float32", probe.float32);
  field("bfloat16", probe.bfloat16);
}

void fields(Of<GpuArithmetic> auto& arithmetic, auto&& field) {
  field("tf32", arithmetic.tf32);
  field("cudnnBenchmark", arithmetic.cudnn_benchmark);
}

}  // namespace iba

namespace iba::binding {

namespace {

struct Runtime {
  std::string libtorch = TORCH_VERSION;
  std::string cpu_capability = at::get_cpu_capability();
  int64_t threads = at::get_num_threads();
  int64_t cuda_devices = cuda_device_count();
  GpuArithmetic arithmetic = gpu_arithmetic();
};

void fields(Of<Runtime> auto& runtime, auto&& field) {
  field("libtorch", runtime.libtorch);
  field("cpuCapability", runtime.cpu_capability);
  field("threads", runtime.threads);
  field("cudaDevices", runtime.cuda_devices);
  field("arithmetic", runtime.arithmetic);
}

Runtime describe_runtime() {
  return {};
}

Task<PrecisionProbe> measure_precisions() {
  return {executor_of(at::kCPU), probe_precisions};
}

std::vector<std::string_view> error_codes() {
  return {std::begin(kErrorCodeNames), std::end(kErrorCodeNames)};
}

/// Lets go of a handle's share now; work that still runs keeps its own. Safe to call twice.
Napi::Value dispose(const Napi::CallbackInfo& info) {
  Handle* handle = handle_of(info[0]);
  if (!handle) throw Error(ErrorCode::invalid_argument, "Expected a handle.");
  handle->object.reset();
  return info.Env().Undefined();
}

std::shared_ptr<Cancellation> create_cancellation() {
  return std::make_shared<Cancellation>();
}

void cancel(const std::shared_ptr<Cancellation>& cancellation) {
  cancellation->cancel();
}

/// Cancels and awaits the work of this environment. Where the process ends, as the main thread says, the work
/// of worker threads is cancelled too, and the executors' threads end.
Napi::Value shut_down(const Napi::CallbackInfo& info) {
  bool process_ends = boolean_argument(object_argument(info[0], "options")["processEnds"], "processEnds");
  if (process_ends) Environment::cancel_all();
  Environment::of(info.Env()).end();
  if (process_ends) close_executors();
  return info.Env().Undefined();
}

}  // namespace

void export_runtime(Napi::Object exports) {
  // Once for all environments: float32 is float32 until somebody asks for something else.
  static std::once_flag is_set;
  std::call_once(is_set, [] { set_gpu_arithmetic({}); });
  export_call<describe_runtime>(exports, "describeRuntime");
  export_call(exports, "setGpuArithmetic", set_gpu_arithmetic);
  export_call<measure_precisions>(exports, "probePrecisions");
  export_call<error_codes>(exports, "errorCodes");
  export_function<dispose>(exports, "dispose");
  export_call<create_cancellation>(exports, "createCancellation");
  export_call<cancel>(exports, "cancel", "cancellation");
  export_function<shut_down>(exports, "shutDown");
}

}  // namespace iba::binding
