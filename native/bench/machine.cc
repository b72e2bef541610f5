#include "machine.h"

#include <algorithm>

#include "measure.h"

namespace iba::bench {

namespace {

using at::Tensor;

constexpr int64_t kMatrixSize = 2048;
constexpr int64_t kWidth = 32;                  // of the image whose pixels are the rows of a matrix
constexpr int64_t kCopied = int64_t{64} << 20;  // floats
constexpr int64_t kRounds = 20;

template <typename Work>
double fastest(at::Device device, const Work& work) {
  auto seconds = rounds_of(device, kRounds, work);
  return *std::min_element(seconds.begin(), seconds.end());
}

}  // namespace

double matrix_rate(at::Device device, at::ScalarType type) {
  at::NoGradGuard no_grad;
  // Convolutions may use TF32 on a GPU while matrix products may not: the peak is of what the convolutions
  // use.
  if (device.is_cuda()) at::globalContext().setAllowTF32CuBLAS(at::globalContext().allowTF32CuDNN());
  auto random = [&](at::IntArrayRef shape) {
    return at::randn(shape, at::TensorOptions(device).dtype(at::kFloat)).to(type);
  };
  const Tensor a = random({kMatrixSize, kMatrixSize}), b = random({kMatrixSize, kMatrixSize});
  Tensor product = at::empty_like(a);
  const double seconds = fastest(device, [&] { at::mm_out(product, a, b); });
  const Tensor pixels = random({1, kMatrixSize / kWidth, kWidth, kMatrixSize}).permute({0, 3, 1, 2});
  const Tensor weight = random({kMatrixSize, kMatrixSize, 1, 1});
  const double convolved = fastest(device, [&] { at::conv2d(pixels, weight); });
  const auto operations = 2.0 * static_cast<double>(kMatrixSize * kMatrixSize * kMatrixSize);
  return operations / std::min(seconds, convolved);
}

double memory_rate(at::Device device) {
  Tensor from = at::ones({kCopied}, at::TensorOptions(device).dtype(at::kFloat));
  Tensor to = at::zeros_like(from);
  return 2 * static_cast<double>(from.nbytes()) / fastest(device, [&] { to.copy_(from); });
}

}  // namespace iba::bench
