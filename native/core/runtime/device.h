#pragma once

#include <string>

#include "torch.h"

namespace iba {

/// The device a user named: "cpu", "cuda" or "cuda:N". Throws DEVICE with the reason where it can't run: a
/// device is never replaced by another silently.
at::Device parse_device(const std::string& name);

/// A tensor of the CPU on a device. The host doesn't wait until the device has done what it was given before.
at::Tensor sent_to(at::Device device, const at::Tensor& tensor);

/// How many CUDA devices LibTorch can use now.
int64_t cuda_device_count();

}  // namespace iba
