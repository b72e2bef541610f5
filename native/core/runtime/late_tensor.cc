#include "runtime/late_tensor.h"

#include <utility>

#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace iba {

at::Tensor LateTensor::exchange(const at::Tensor& found) {
  const at::Device device = found.device();
  if (device.is_cpu()) return found;
  at::Tensor before = last();
  const c10::DeviceGuard guard(device);
  // Only into pinned memory does CUDA copy while the host goes on.
  taken_ = at::empty(found.sizes(), at::TensorOptions(found.scalar_type()).pinned_memory(device.is_cuda()));
  taken_.copy_(found, /*non_blocking=*/true);
  arrived_.emplace(device.type());
  arrived_->record(c10::impl::VirtualGuardImpl(device.type()).getStream(device));
  return before;
}

at::Tensor LateTensor::last() {
  if (arrived_) arrived_->synchronize();
  arrived_.reset();
  return std::exchange(taken_, {});
}

}  // namespace iba
