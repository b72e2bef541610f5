#include "runtime/device.h"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>

#include "error.h"

namespace iba {

namespace {

at::Device parse(const std::string& name) {
  try {
    at::Device device(name);
    if (device.is_cpu() || device.is_cuda()) return device;
  } catch (const c10::Error&) {
    // Named below, with what is expected.
  }
  throw Error(ErrorCode::device, "There is no device '" + name + "'. Expected 'cpu', 'cuda' or 'cuda:N'.");
}

}  // namespace

int64_t cuda_device_count() {
  return at::globalContext().hasCUDA() ? at::detail::getCUDAHooks().deviceCount() : 0;
}

at::Tensor sent_to(at::Device device, const at::Tensor& tensor) {
  // Only from pinned memory does CUDA copy while the host goes on.
  const at::Tensor sent = device.is_cuda() && tensor.is_cpu() ? tensor.pin_memory() : tensor;
  return sent.to(device, tensor.scalar_type(), /*non_blocking=*/true);
}

at::Device parse_device(const std::string& name) {
  at::Device device = parse(name);
  if (device.is_cpu()) return device;
  int64_t count = cuda_device_count();
  if (count == 0) {
    throw Error(ErrorCode::device,
                "The device '" + name + "' can't run: LibTorch found no usable CUDA device.");
  }
  int64_t index = device.has_index() ? device.index() : 0;
  if (index >= count) {
    throw Error(ErrorCode::device, "There is no '" + name + "': this machine has " + std::to_string(count) +
                                       " CUDA device(s), counted from 0.");
  }
  return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(index));
}

}  // namespace iba
