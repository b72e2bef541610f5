#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>

#include "attribution/coalitions.h"
#include "attribution/methods/methods.h"

namespace iba {

namespace {

/// Directions in which coalitions differ by a smaller share have no value.
constexpr double kSmallestDirection = 1e-12;

/// Coalitions (N, count) of zeros and ones, with the weight of each.
struct Weighted {
  Tensor coalitions;
  Tensor weights;
};

/// The Shapley kernel of all coalitions of a size together, but for a factor.
double kernel_of_size(int64_t size, int64_t count) {
  return 1 / (static_cast<double>(size) * static_cast<double>(count - size));
}

/// All coalitions but the empty and the whole one.
Weighted all_coalitions(int64_t count) {
  Tensor numbers = at::arange(1, (int64_t{1} << count) - 1).unsqueeze(1);
  Tensor bits = at::bitwise_and(at::bitwise_right_shift(numbers, at::arange(count)), 1).to(at::kDouble);
  std::vector<double> kernel = {0};
  double of_that_size = 1;
  for (int64_t size = 1; size < count; ++size) {
    of_that_size *= static_cast<double>(count - size + 1) / static_cast<double>(size);
    kernel.push_back(kernel_of_size(size, count) / of_that_size);
  }
  return {bits, at::tensor(kernel, at::kDouble).index_select(0, bits.sum(1).to(at::kLong))};
}

/// Coalitions drawn by the kernel, so that each counts alike.
Weighted drawn_coalitions(int64_t count, int64_t samples, uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  std::vector<double> kernel;
  for (int64_t size = 1; size < count; ++size) kernel.push_back(kernel_of_size(size, count));
  Tensor sizes = at::multinomial(at::tensor(kernel, at::kDouble), samples, true, generator) + 1;
  // Of each, the superpixels with the least of random numbers.
  Tensor order = std::get<1>(at::rand({samples, count}, generator, at::kDouble).sort(1));
  Tensor ranks = std::get<1>(order.sort(1));
  return {(ranks < sizes.unsqueeze(1)).to(at::kDouble), at::ones({samples}, at::kDouble)};
}

class KernelShap : public Method {
 public:
  explicit KernelShap(const MethodContext& context)
      : network_(context.network),
        pass_(network_),
        settings_(coalition_settings(context.options)),
        samples_(context.options.whole("samples")) {}

  std::vector<Attribution> attribute(const Batch& batch) const override {
    std::vector<Coalitions> superpixels;
    std::vector<Weighted> chosen;
    int64_t runs = runs_of(batch);
    for (int64_t b = 0; b < batch.size(); ++b) {
      batch.cancellation.check();
      superpixels.emplace_back(batch, b, settings_);
      chosen.push_back(coalitions(superpixels.back().count(), batch.requests[static_cast<size_t>(b)].seed));
      runs += runs_of(chosen.back().coalitions.size(0), batch.rows);
    }
    Steps steps(batch, runs);
    Targets targets = find_targets(network_, batch, steps);
    std::vector<Attribution> attributions;
    for (size_t b = 0; b < chosen.size(); ++b) {
      auto& [drawn, weights] = chosen[b];
      Tensor values = superpixels[b].values(pass_, targets, drawn, steps);
      Attribution attribution = targets.attribution(static_cast<int64_t>(b));
      attribution.map = superpixels[b].map(fitted({drawn.slice(0, 2), weights}, values));
      attribution.raw = attribution.map.unsqueeze(0);
      attributions.push_back(std::move(attribution));
    }
    return attributions;
  }

 private:
  /// All of them where they are as few as the samples, else drawn ones; in front the empty and the whole one.
  Weighted coalitions(int64_t count, uint64_t seed) const {
    bool has_few = count < 2 || std::exp2(static_cast<double>(count)) - 2 <= static_cast<double>(samples_);
    auto [found, weights] = has_few ? all_coalitions(count) : drawn_coalitions(count, samples_, seed);
    Tensor ends = at::tensor({0.0, 1.0}, at::kDouble).unsqueeze(1).expand({2, count});
    return {at::cat({ends, found}), weights};
  }

  /// What each superpixel brings, by least squares, so that all together bring what the whole image has more
  /// than the empty one. `values` begin with those two.
  static Tensor fitted(const Weighted& of, const Tensor& values) {
    Tensor rise = values[1] - values[0];
    int64_t count = of.coalitions.size(1);
    if (count == 1) return rise.expand({1});
    Tensor weighted = of.coalitions * of.weights.unsqueeze(1);
    Tensor inverse = at::linalg_pinv(weighted.t().matmul(of.coalitions), kSmallestDirection, true);
    Tensor free = inverse.matmul(weighted.t().matmul(values.slice(0, 2) - values[0]));
    Tensor shift = inverse.matmul(at::ones({count}, at::kDouble));
    return free + shift * ((rise - free.sum()) / shift.sum());
  }

  const Network& network_;
  ForwardPass pass_;
  CoalitionSettings settings_;
  int64_t samples_;
};

}  // namespace

MethodEntry kernel_shap_method() {
  return {"kernel-shap",
          "the Shapley values of superpixels, estimated by least squares; exact where there are so few that "
          "all their "
          "coalitions are tried",
          "Lundberg and Lee 2017", coalition_options(1000), make_method<KernelShap>};
}

}  // namespace iba
