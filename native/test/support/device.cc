#include "support/device.h"

#include <ATen/Context.h>
#include <dlfcn.h>

#include "error.h"
#include "runtime/device.h"
#include "runtime/gpu_arithmetic.h"

namespace iba::test {

namespace {

std::optional<at::Device> chosen;

/// LibTorch finds CUDA only if its library is open before the first call.
void open_cuda() {
  if (!dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL))
    throw Error(ErrorCode::device, std::string("CUDA can't run: ") + dlerror());
  set_gpu_arithmetic({});
}

}  // namespace

void choose_test_device(const std::string& name) {
  if (name.starts_with("cuda")) open_cuda();
  chosen = parse_device(name);
}

const std::optional<at::Device>& chosen_test_device() {
  return chosen;
}

at::Device test_device() {
  if (!chosen) throw Error(ErrorCode::device, "No device was chosen: give --device cuda.");
  return *chosen;
}

}  // namespace iba::test
