#include <limits>
#include <memory>
#include <mutex>
#include <optional>

#include "attribution/methods/methods.h"
#include "attribution/passes.h"
#include "attribution/patterns.h"
#include "attribution/rules/pattern_rules.h"
#include "network/batch_norm_folding.h"
#include "network/precision.h"

namespace iba {

namespace {

/// The way back through a network in double precision.
struct WidePass {
  Network network;
  BackwardPass pass;

  WidePass(const Network& folded, const ModelPatterns& patterns, PatternUse use)
      : network(in_precision(folded, at::kDouble)),
        pass(network, network.input, pattern_rules(network, patterns, use)) {}
};

/// As floats, with what exceeds their range divided by its greatest magnitude.
Tensor within_float(const Tensor& image) {
  Tensor greatest = image.abs().amax();
  constexpr double kMost = std::numeric_limits<float>::max();
  return (greatest.item<double>() > kMost ? image / greatest : image).to(at::kFloat);
}

template <PatternUse use>
class PatternGradient : public Method {
 public:
  explicit PatternGradient(const MethodContext& context)
      : folded_(fold_batch_norms(context.network)),
        patterns_(context.resources.patterns),
        pass_(folded_, folded_.input, pattern_rules(folded_, *patterns_, use)) {}

  std::vector<Attribution> attribute(const Batch& batch) const override {
    auto found = pass_.run(batch);
    std::vector<Attribution> attributions;
    for (int64_t b = 0; b < batch.size(); ++b) {
      // A pattern is as much longer as its weights are shorter, so that the signal grows with each layer.
      // Only its proportions mean something.
      if (!found.arrived[b].isfinite().all().template item<bool>()) {
        Tensor image = batch.images.slice(0, b, b + 1);
        found.arrived[b].copy_(
            within_float(wide_pass().run(image.to(at::kDouble), {found.targets.settled[b]})[0]));
      }
      Attribution attribution = found.targets.attribution(b);
      attribution.raw = found.arrived[b].cpu().contiguous();
      attribution.map = use == PatternUse::signal ? attribution.raw.abs().amax(0) : attribution.raw.sum(0);
      attributions.push_back(std::move(attribution));
    }
    return attributions;
  }

 private:
  /// Most networks never need it.
  const BackwardPass& wide_pass() const {
    std::call_once(is_wide_, [&] { wide_.emplace(folded_, *patterns_, use); });
    return wide_->pass;
  }

  Network folded_;
  std::shared_ptr<const ModelPatterns> patterns_;
  BackwardPass pass_;
  mutable std::once_flag is_wide_;
  mutable std::optional<WidePass> wide_;
};

}  // namespace

MethodEntry pattern_net_method() {
  return {"patternnet",
          "the gradient with each weight replaced by the direction that its neuron detects in the data; the "
          "greatest "
          "absolute value over the colours",
          "Kindermans et al. 2018",
          with_common_options(),
          make_method<PatternGradient<PatternUse::signal>>,
          {Resource::patterns}};
}

MethodEntry pattern_attribution_method() {
  return {"pattern-attribution",
          "the gradient with each weight multiplied by the direction that its neuron detects in the data, "
          "summed over the "
          "colours",
          "Kindermans et al. 2018",
          with_common_options(),
          make_method<PatternGradient<PatternUse::attribution>>,
          {Resource::patterns}};
}

}  // namespace iba
