#include "network/packed_weights.h"

#include <doctest/doctest.h>

#include "network/fused_convolution.h"
#include "support/tensors.h"

namespace iba::test {

TEST_SUITE_BEGIN("packed weights");

namespace {

Tensor rounded(const std::string& name, at::IntArrayRef shape) {
  return normal(name, shape).to(at::kBFloat16).contiguous(at::MemoryFormat::ChannelsLast);
}

bool is_packed(const Convolution& convolution) {
  return convolution.weight.is_mkldnn();
}

/// The convolution's output and its gradient at the input, with its own weights and with packed ones.
void compare(const Convolution& convolution, const Tensor& x) {
  PackedWeights packed;
  packed.for_input(convolution, x);
  const Convolution second = packed.for_input(convolution, x);
  REQUIRE(is_packed(second));
  std::vector<Tensor> inputs{x};
  const Tensor output = convolution.forward(inputs, nullptr);
  CHECK(convolve_add_and_rectify(second, x, {}, nullptr).equal(output));

  const Tensor gradient = rounded("gradient", output.sizes());
  packed.for_gradient(convolution, gradient);
  const auto back = packed.for_gradient(convolution, gradient);
  const bool is_convolution =
      convolution.groups == 1 && convolution.stride[0] == 1 &&
      convolution.padding[0] <= convolution.dilation[0] * (convolution.weight.size(2) - 1);
  REQUIRE(back.has_value() == is_convolution);
  if (!back) return;
  StepState state;
  state.keep_shapes(inputs);
  const Tensor exact = convolution.backward(state, gradient)[0];
  const Tensor found = convolve_add_and_rectify(*back, gradient, {}, nullptr);
  CHECK((found - exact).abs().max().item<float>() <= exact.abs().max().item<float>() * 0x1p-7);
}

}  // namespace

TEST_CASE("packed weights give the same results and gradients") {
  if (!fuses_convolutions()) return;
  const Tensor x = rounded("x", {3, 32, 9, 7});
  std::vector<Convolution> convolutions;
  for (int64_t groups : {1, 4, 32})
    for (int64_t kernel : {1, 3})
      for (int64_t stride : {1, 2})
        for (int64_t dilation : {1, 2})
          for (int64_t padding : {0, 1, 3})
            convolutions.push_back({.weight = rounded("weight", {64, 32 / groups, kernel, kernel}),
                                    .bias = Tensor(),
                                    .stride = {stride, stride},
                                    .padding = {padding, padding},
                                    .dilation = {dilation, dilation},
                                    .groups = groups});
  for (size_t i = 0; i < convolutions.size(); ++i) {
    CAPTURE(i);
    compare(convolutions[i], x);
  }
}

TEST_CASE("weights are packed once two inputs in a row are as high and wide") {
  if (!fuses_convolutions()) return;
  const Convolution convolution{.weight = rounded("weight", {16, 16, 3, 3}), .bias = Tensor()};
  const Tensor small = rounded("x", {2, 16, 8, 8}), wide = rounded("x", {2, 16, 8, 9});
  PackedWeights packed;
  CHECK_FALSE(is_packed(packed.for_input(convolution, small)));
  const Tensor first = packed.for_input(convolution, small).weight;
  CHECK(first.is_mkldnn());
  CHECK(packed.for_input(convolution, rounded("x", {5, 16, 8, 8})).weight.is_same(first));
  CHECK_FALSE(is_packed(packed.for_input(convolution, wide)));
  CHECK_FALSE(is_packed(packed.for_input(convolution, small)));
  CHECK(is_packed(packed.for_input(convolution, small)));
  // A layout that oneDNN doesn't compute in.
  CHECK_FALSE(is_packed(packed.for_input(convolution, small.contiguous())));
}

TEST_CASE("packed weights are gone with the weights that they were made of") {
  if (!fuses_convolutions()) return;
  const Tensor x = rounded("x", {2, 16, 8, 8});
  PackedWeights packed;
  auto pack = [&](const char* name) {
    const Convolution convolution{.weight = rounded(name, {16, 16, 3, 3}), .bias = Tensor()};
    packed.for_input(convolution, x);
    return packed.for_input(convolution, x).weight;
  };
  const Tensor first = pack("first");
  CHECK(first.use_count() == 2);
  const Tensor second = pack("second");
  CHECK(first.use_count() == 1);
  CHECK_FALSE(first.to_dense().equal(second.to_dense()));
}

TEST_SUITE_END();

}  // namespace iba::test
