#pragma once

namespace iba {

/// How NVIDIA's libraries compute, for all of the process. Without a GPU nothing depends on it.
struct GpuArithmetic {
  /// Products and convolutions of float32 take TF32 numbers, of which 10 bits follow the first, and add them
  /// up in float32. LibTorch itself would do so for convolutions alone.
  bool tf32 = false;
  /// cuDNN tries its algorithms for every new shape of a convolution and takes the fastest. Which one that is
  /// may change from run to run, and with it the order in which sums are rounded.
  bool cudnn_benchmark = false;
};

/// For what runs from now on.
void set_gpu_arithmetic(const GpuArithmetic& arithmetic);

GpuArithmetic gpu_arithmetic();

}  // namespace iba
