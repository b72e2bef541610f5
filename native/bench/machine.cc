#include "machine.h"

#include <algorithm>

#include "measure.h"

namespace iba::bench {

namespace {

using at::Tensor;

constexpr int64_t kMatrixSize = 2048;
constexpr int64_t kCopied = int64_t{64} << 20;  // floats
constexpr int64_t kRounds = 20;

template <typename Work>
double fastest(at::Device device, const Work& work) {
  auto seconds = rounds_of(device, kRounds, work);
  return *std::min_element(seconds.begin(), seconds.end());
}

}  // namespace

double matrix_rate(at::Device device) {
  at::NoGradGuard no_grad;
  // Convolutions may use TF32 on a GPU while matrix products may not: the peak is of what the convolutions
  // use.
  if (device.is_cuda()) at::globalContext().setAllowTF32CuBLAS(at::globalContext().allowTF32CuDNN());
  auto floats = at::TensorOptions(device).dtype(at::kFloat);
  Tensor a = at::randn({kMatrixSize, kMatrixSize}, floats);
  Tensor b = at::randn({kMatrixSize, kMatrixSize}, floats);
  Tensor product = at::empty_like(a);
  auto operations = 2.0 * static_cast<double>(kMatrixSize * kMatrixSize * kMatrixSize);
  return operations / fastest(device, [&] { at::mm_out(product, a, b); });
}

double memory_rate(at::Device device) {
  Tensor from = at::ones({kCopied}, at::TensorOptions(device).dtype(at::kFloat));
  Tensor to = at::zeros_like(from);
  return 2 * static_cast<double>(from.nbytes()) / fastest(device, [&] { to.copy_(from); });
}

}  // namespace iba::bench
