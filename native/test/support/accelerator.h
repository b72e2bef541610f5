#pragma once

#include "torch.h"

/// A device of LibTorch's that any machine has, so that mistakes with devices fail without a GPU. Its memory
/// is closed to the host but while one of its kernels runs. A tensor of the CPU among a kernel's arguments is
/// an error as on CUDA, and so is a generator of another device. Kernels are those of the CPU, and noise is
/// drawn as on the CPU, so that results can be compared.
namespace iba::test {

at::Device accelerator();

/// How often the host has waited for the device: for a number, or for a copy from the one to the other, but
/// for those that don't block.
int64_t host_waits();

}  // namespace iba::test
