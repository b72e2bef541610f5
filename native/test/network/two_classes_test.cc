#include "network/two_classes.h"

#include <doctest/doctest.h>

#include "network/cut.h"
#include "network/seeded_weights.h"
#include "network/zoo/builder.h"
#include "support/tensors.h"

namespace iba::test {

namespace {

/// A network of one logit, by a linear layer at its end, or by a convolution whose places are averaged.
Network single_logit(bool ends_with_linear) {
  Builder builder("single", 3, 1);
  auto relu = builder.step("relu", Relu{},
                           {builder.convolution("conv", builder.input(), {.in = 3, .out = 4, .bias = true})});
  ValueId last = relu;
  if (!ends_with_linear)
    last = builder.convolution("head", relu, {.in = 4, .out = 1, .kernel = 1, .padding = 0});
  last = builder.step("flatten", Flatten{}, {builder.step("pool", AdaptiveAveragePool{}, {last})});
  if (ends_with_linear) last = builder.linear("fc", last, 4, 1);
  Network network = builder.finish(last, "relu", "relu");
  seed_weights(network, 0);
  return network;
}

Tensor gradient(const Network& network, const Tensor& images, int64_t target) {
  Cut cut(network, network.layer("relu").value);
  Values values = cut.before(images);
  Interpreter::Tape tape;
  Tensor from_logits = at::zeros_like(cut.after(values, values[cut.at()], &tape));
  from_logits.select(1, target).fill_(1);
  return cut.backward(tape, from_logits);
}

}  // namespace

TEST_CASE("a single logit becomes two classes, no and yes, with its sigmoid as their softmax") {
  const Tensor images = normal("images", {3, 3, 8, 8}).to(at::kFloat);
  for (bool ends_with_linear : {true, false}) {
    CAPTURE(ends_with_linear);
    Network network = single_logit(ends_with_linear);
    const size_t steps = network.steps.size();
    Tensor z = logits(network, images);
    REQUIRE(z.sizes() == at::IntArrayRef{3, 1});
    Tensor by_logit = gradient(network, images, 0);

    take_two_classes(network);
    CHECK(network.classes == 2);
    CHECK(network.is_binary);
    CHECK(network.notes.size() == 1);
    CHECK(network.steps.size() == (ends_with_linear ? steps : steps + 1));
    Tensor shares = at::softmax(logits(network, images), 1);
    CHECK(at::allclose(shares.select(1, 1), at::sigmoid(z).squeeze(1), 1e-6, 1e-7));
    CHECK(at::allclose(gradient(network, images, 1), by_logit / 2, 1e-6, 1e-8));
    CHECK(at::allclose(gradient(network, images, 0), by_logit / -2, 1e-6, 1e-8));
  }
}

TEST_CASE("a network of several logits keeps them, and taking two classes twice is taking them once") {
  Network network = single_logit(true);
  take_two_classes(network);
  const Tensor images = normal("images", {2, 3, 8, 8}).to(at::kFloat);
  Tensor once = logits(network, images);
  take_two_classes(network);
  CHECK(at::equal(logits(network, images), once));
  CHECK(network.notes.size() == 1);
}

}  // namespace iba::test
