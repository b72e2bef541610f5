#include "support/tensors.h"

#include <limits>

#include "network/seeded_weights.h"

namespace iba::test {

namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

}  // namespace

at::Tensor normal(const std::string& name, at::IntArrayRef shape) {
  return seeded_normal(name, 0, shape, 1.0).to(at::kDouble);
}

at::Tensor doubles(std::initializer_list<double> values) {
  return at::tensor(at::ArrayRef<double>(values), at::kDouble);
}

double relative_error(const at::Tensor& found, const at::Tensor& expected) {
  if (found.sizes() != expected.sizes()) return kInfinite;
  double norm = expected.to(at::kDouble).norm().item<double>();
  double difference = (found.to(at::kDouble) - expected.to(at::kDouble)).norm().item<double>();
  return norm == 0 ? difference : difference / norm;
}

double greatest_difference(const at::Tensor& found, const at::Tensor& expected) {
  if (found.sizes() != expected.sizes()) return kInfinite;
  at::Tensor scale = expected.to(at::kDouble).abs().clamp_min(1);
  return ((found.to(at::kDouble) - expected.to(at::kDouble)).abs() / scale).max().item<double>();
}

}  // namespace iba::test
