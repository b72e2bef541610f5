#include "bottleneck/noise_copies.h"

#include <doctest/doctest.h>

#include "support/tensors.h"

namespace iba::test {

TEST_SUITE_BEGIN("noise copies");

namespace {

at::Tensor floats(const std::string& name, at::IntArrayRef shape) {
  return normal(name, shape).to(at::kFloat);
}

at::Tensor wide(const at::Tensor& tensor) {
  return tensor.to(at::kDouble);
}

}  // namespace

TEST_CASE("copies are mixed in one pass, and rounded once") {
  // More than a block, and no multiple of one.
  const at::Tensor signal = floats("signal", {2, 9, 7, 67}), scale = floats("scale", {2, 9, 7, 67}).abs();
  const at::Tensor noise = floats("noise", {2, 3, 9, 7, 67});
  const at::Tensor exact = wide(signal).unsqueeze(1) + wide(scale).unsqueeze(1) * wide(noise);
  for (const bool rectifies : {false, true}) {
    const at::Tensor expected = rectifies ? exact.relu() : exact;
    const at::Tensor found = mix_copies(signal, scale, noise, rectifies);
    CHECK((found.scalar_type() == at::kBFloat16));
    // Half a unit in the last of eight bits.
    CHECK(((wide(found) - expected).abs() <= expected.abs() * 0x1p-8 + 1e-6).all().item<bool>());
  }
  CHECK(mix_copies(signal.transpose(1, 2).contiguous().transpose(1, 2), scale, noise, false)
            .equal(mix_copies(signal, scale, noise, false)));
}

TEST_CASE("a gradient is summed over the copies, alone and with the noise") {
  const at::Tensor noise = floats("noise", {2, 5, 9, 7, 67});
  const at::Tensor gradient = floats("gradient", {2, 5, 9, 7, 67}).to(at::kBFloat16);
  const at::Tensor mixed = floats("mixed", {2, 5, 9, 7, 67}).to(at::kBFloat16);
  for (const at::Tensor& counted : {at::Tensor(), mixed}) {
    at::Tensor exact = wide(gradient);
    if (counted.defined()) exact = exact * (wide(counted) > 0);
    const auto [sum, by_noise] = sum_copies(gradient, noise, counted);
    CHECK(relative_error(sum, exact.sum(1)) < 1e-6);
    CHECK(relative_error(by_noise, (exact * wide(noise)).sum(1)) < 1e-6);
  }
}

TEST_SUITE_END();

}  // namespace iba::test
