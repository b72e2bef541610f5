#include "runtime/gpu_arithmetic.h"

#include <ATen/Context.h>

namespace iba {

void set_gpu_arithmetic(const GpuArithmetic& arithmetic) {
  auto& context = at::globalContext();
  context.setAllowTF32CuBLAS(arithmetic.tf32);
  context.setAllowTF32CuDNN(arithmetic.tf32);
  context.setBenchmarkCuDNN(arithmetic.cudnn_benchmark);
}

GpuArithmetic gpu_arithmetic() {
  const auto& context = at::globalContext();
  return {context.allowTF32CuBLAS(), context.benchmarkCuDNN()};
}

}  // namespace iba
