#include <memory>
#include <optional>

#include "attribution/in_float.h"
#include "attribution/methods/methods.h"
#include "attribution/passes.h"

namespace iba {

namespace {

constexpr double kRangeFloor = 1e-6;

/// The magnitudes (rows, C, h, w) from 0 to 1 in each row, added up over the channels in the image's size.
/// The corners are aligned, as in the authors' code.
Tensor shown(const Tensor& values, std::array<int64_t, 2> size) {
  Tensor magnitude = values.abs();
  Tensor lowest = magnitude.amin({1, 2, 3}, true);
  Tensor scaled = (magnitude - lowest) / (magnitude.amax({1, 2, 3}, true) - lowest + kRangeFloor);
  return at::upsample_bilinear2d(scaled.sum(1, true), size, true).squeeze(1);
}

/// What the biases took part in one pass.
struct Recording {
  std::array<int64_t, 2> image_size;
  Tensor maps;  // (rows, H, W)
  Tensor sums;  // (rows)

  void add(const Tensor& part) {
    sums = sums + part.flatten(1).sum({1}, false, at::kDouble);
    if (part.dim() == 4) maps = maps + shown(part, image_size);
  }
};

/// The bias of a step's output: its own, or what a batch norm adds. Absent where there is none.
std::optional<Tensor> bias_of(const Operation& operation) {
  if (const auto* norm = std::get_if<BatchNorm>(&operation)) return norm->affine().shift;
  auto weights = weights_of(operation);
  if (!weights || !weights->bias.defined()) return std::nullopt;
  return weights->bias;
}

/// The derivative, for steps with a bias, which write down how much of the score the bias brings.
StepRules recording_rules(const Network& network, const std::shared_ptr<Recording>& recording) {
  StepRules rules(network.steps.size());
  for (size_t i = 0; i < rules.size(); ++i) {
    auto bias = bias_of(network.steps[i].operation);
    if (!bias) continue;
    rules[i] = std::make_shared<const Rule>(
        Rule{[recording, bias = *bias](const Operation& operation, const StepState& state,
                                       const Tensor& gradient) {
          bool is_image = gradient.dim() == 4;
          Tensor part = gradient * (is_image ? bias.view({1, -1, 1, 1}) : bias);
          recording->add(part.to(at::kFloat));
          return backward(operation, state, gradient);
        }});
  }
  return rules;
}

class FullGrad : public Method {
 public:
  explicit FullGrad(const MethodContext& context) : network_(context.network) {}

  std::vector<Attribution> attribute(const Batch& batch) const override {
    // The passes of a batch write into a recording of their own, since others may run at the same time.
    auto recording = std::make_shared<Recording>(Recording{batch.image_size(), {}, {}});
    BackwardPass pass(network_, network_.input, recording_rules(network_, recording));
    Steps steps(batch, 2 * runs_of(batch));
    Targets targets = find_targets(network_, batch, steps);
    std::vector<Tensor> maps, sums;
    for_each_run(batch.size(), batch.rows, [&](int64_t begin, int64_t end) {
      steps.check();
      Tensor images = batch.images.slice(0, begin, end);
      recording->maps = at::zeros({end - begin, images.size(2), images.size(3)}, images.options());
      recording->sums = at::zeros({end - begin}, images.options().dtype(at::kDouble));
      Tensor gradient = pass.run(images, targets.of(begin, end));
      recording->add(gradient * images);
      maps.push_back(recording->maps);
      sums.push_back(recording->sums);
      steps.finish();
    });
    Tensor map = at::cat(maps).cpu(), sum = at::cat(sums).cpu();
    std::vector<Attribution> attributions;
    for (int64_t b = 0; b < batch.size(); ++b) {
      Attribution attribution = targets.attribution(b);
      attribution.map = map[b].contiguous();
      attribution.raw = attribution.map.unsqueeze(0);
      attribution.checks = {{"completenessGap", targets.scores[b] - sum[b].item<double>()}};
      attributions.push_back(std::move(attribution));
    }
    return attributions;
  }

 private:
  const Network& network_;
};

}  // namespace

MethodEntry full_grad_method() {
  return {"full-grad",
          "the magnitudes of gradient times input and of gradient times bias in every layer, each scaled, "
          "added up; "
          "in a network of ReLUs they make up the logit, and what is lacking is the completeness gap",
          "Srinivas and Fleuret 2019", with_common_options(), make_in_float<FullGrad>};
}

}  // namespace iba
