#include "runtime/late_flag.h"

#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace iba {

bool LateFlag::exchange(const at::Tensor& flag) {
  const at::Device device = flag.device();
  if (device.is_cpu()) return flag.item<bool>();
  bool before = false;
  if (arrived_) {
    arrived_->synchronize();
    before = taken_.item<bool>();
  }
  const c10::DeviceGuard guard(device);
  // Only into pinned memory does CUDA copy while the host goes on.
  taken_ = at::empty({}, at::TensorOptions(at::kBool).pinned_memory(device.is_cuda()));
  taken_.copy_(flag, /*non_blocking=*/true);
  arrived_.emplace(device.type());
  arrived_->record(c10::impl::VirtualGuardImpl(device.type()).getStream(device));
  return before;
}

}  // namespace iba
