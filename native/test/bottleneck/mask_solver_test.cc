#include "bottleneck/mask_solver.h"

#include <doctest/doctest.h>

#include "network/seeded_weights.h"
#include "network/zoo/builder.h"
#include "support/tensors.h"

namespace iba::test {

namespace {

/// The root of the derivative by bisection.
Tensor bisected_drop(const Tensor& slope, const Tensor& squares) {
  Tensor low = at::zeros_like(slope), high = at::ones_like(slope);
  for (int i = 0; i < 200; ++i) {
    Tensor keep = (low + high) / 2;
    Tensor rises = slope + 1 / (1 - keep) - (1 - keep) + keep * squares < 0;
    low = at::where(rises, keep, low);
    high = at::where(rises, high, keep);
  }
  return 1 - low;
}

/// A network that is linear behind its cut, with the layer of a bottleneck there.
struct Made {
  Network network;
  NeuronStatistics statistics;
  Tensor images = normal("images", {2, 3, 5, 4}).to(at::kFloat);

  Made() {
    Builder builder("linear", 3, 3);
    auto relu = builder.step(
        "relu", Relu{}, {builder.convolution("conv", builder.input(), {.in = 3, .out = 4, .bias = true})});
    network = builder.finish(builder.linear("fc", builder.step("flatten", Flatten{}, {relu}), 80, 3), "relu",
                             "relu");
    seed_weights(network, 0);
    statistics = {"relu", normal("mean", {4, 5, 4}).to(at::kFloat),
                  (normal("std", {4, 5, 4}).abs() + 0.5).to(at::kFloat), at::ones({4, 5, 4}, at::kBool)};
  }
};

constexpr int64_t kCopies = 16;

Tensor pairs(const std::string& name) {
  Tensor half = normal(name, {2, kCopies / 2, 5, 4, 4}).to(at::kFloat);
  return at::cat({half, -half}, 1);
}

struct Found {
  double loss;
  double information;
  Mask mask;
};

/// The mean loss of both images after so many steps, for noise of its own.
template <typename Make>
Found solve(const Made& made, double sigma, double beta, int64_t steps, const Make& make) {
  Cut cut(made.network, made.network.layer("relu").value);
  auto before = cut.before(made.images);
  NoisedLayer layer(made.network, made.statistics, {Grid::Form::image, 0, 5, 4}, conventions_of(Preset::iba),
                    SmoothingKernel::of(sigma));
  BottleneckLoss loss(cut, layer, before[cut.at()], Values(made.network.value_count));
  std::unique_ptr<MaskSolver> solver = make(layer, loss);
  Objective objective({Target::of_class(0), Target::of_class(2)}, 3, at::kCPU);
  for (int64_t i = 0; i < steps; ++i) {
    auto terms = loss.forward(solver->mask(), {pairs("noise" + std::to_string(i))}, objective, true);
    solver->step(loss, std::move(terms));
  }
  auto terms = loss.forward(solver->mask(), {pairs("fresh noise")}, objective, false);
  double information = terms.information.mean().item<double>();
  return {terms.fit.mean().item<double>() + beta * information, information, solver->mask()};
}

Found proximal(const Made& made, double sigma, double beta, int64_t steps) {
  return solve(made, sigma, beta, steps, [&](const NoisedLayer& layer, const BottleneckLoss& loss) {
    return std::make_unique<ProximalSolver>(layer, loss, layer.filled(2, kProximalAlpha), beta);
  });
}

Found by_adam(const Made& made, double sigma, double beta, int64_t steps) {
  return solve(made, sigma, beta, steps, [&](const NoisedLayer& layer, const BottleneckLoss&) {
    return std::make_unique<AdamSolver>(layer, layer.filled(2, 5), beta, 1);
  });
}

}  // namespace

TEST_CASE("the best mask for a gradient is the root of the loss's derivative") {
  Tensor slope = normal("slope", {1000}) * 10, squares = normal("deviation", {1000}).square() * 20;
  Tensor expected = at::where(slope < 0, bisected_drop(slope, squares), 1);
  CHECK(at::allclose(best_drop(slope, squares), expected, 1e-9, 1e-12));
  // In single precision neither form of the root may lose its digits.
  Tensor steep = doubles({-1e-3, -1, -1e3, -1e6, -5, -1e10, -2}),
         far = doubles({1e6, 0, 1e3, 1, 1e4, 1e-6, 4});
  Tensor found = best_drop(steep.to(at::kFloat), far.to(at::kFloat)).to(at::kDouble);
  CHECK(at::allclose(found, best_drop(steep, far), 1e-5));
  CHECK(best_drop(doubles({0, 3}), doubles({1, 0})).eq(1).all().item<bool>());
}

TEST_CASE("the proximal solver comes below Adam in a third of the steps, with and without smoothing") {
  const Made made;
  for (double sigma : {0.0, 1.0}) {
    CAPTURE(sigma);
    CHECK(proximal(made, sigma, 2, 20).loss < by_adam(made, sigma, 2, 60).loss);
    CHECK(proximal(made, sigma, 2, 60).loss <= proximal(made, sigma, 2, 20).loss * 1.02);
  }
}

TEST_CASE("inactive neurons stay shut, and leave those around them finite") {
  Made made;
  made.statistics.active.slice(1, 0, 3).fill_(false);
  for (double sigma : {0.0, 1.0}) {
    const Found found = proximal(made, sigma, 2, 5);
    CHECK(found.mask.drop.isfinite().all().item<bool>());
    CHECK(std::isfinite(found.loss));
    // Smoothing lets some of what passes their neighbours into their masks.
    if (sigma == 0) CHECK(found.mask.keep.slice(1, 0, 3).max().item<float>() == 0);
  }
}

TEST_CASE("dear information passes nowhere, and free information everywhere, finitely") {
  const Made made;
  CHECK(proximal(made, 1, 1e12, 3).information < 1e-6);
  const Found free = proximal(made, 1, 0, 20);
  CHECK(free.mask.drop.min().item<float>() > 0);
  CHECK(std::isfinite(free.information));
  CHECK(free.information > proximal(made, 1, 2, 20).information);
}

}  // namespace iba::test
