#include <algorithm>
#include <limits>

#include "attribution/cam.h"
#include "attribution/methods/methods.h"

namespace iba {

namespace {

/// Grad-CAM of what tells a class from those that are most like it: y_c − α y_i, averaged over these by their
/// probabilities, as the authors' code has it.
class FinerCam : public Method {
 public:
  explicit FinerCam(const MethodContext& context)
      : network_(context.network),
        cam_(context, by_mean_gradient),
        share_(context.options.number("alpha")),
        similar_(context.options.whole("similar")) {}

  std::vector<Attribution> attribute(const Batch& batch) const override {
    Steps steps(batch, 2 * runs_of(batch));
    Targets targets;
    Batch compared = batch;
    for_each_run(batch.size(), batch.rows, [&](int64_t begin, int64_t end) {
      steps.check();
      Tensor outputs = logits(network_, batch.images.slice(0, begin, end)).to(at::kCPU, at::kDouble);
      choose_targets(network_, batch, begin, outputs, targets);
      for (int64_t b = begin; b < end; ++b)
        compared.requests[b].target = against_similar(targets.settled[b], outputs[b - begin]);
      steps.finish();
    });
    auto attributions = cam_.attribute(compared, steps);
    for (int64_t b = 0; b < batch.size(); ++b) {
      Attribution own = targets.attribution(b);
      own.map = std::move(attributions[b].map);
      own.raw = std::move(attributions[b].raw);
      attributions[b] = std::move(own);
    }
    return attributions;
  }

 private:
  /// The derivative of Σ q_i (y_c − α y_i) over the classes i whose outputs are nearest to the class's own,
  /// with q their softmax among themselves. What is no class has none that are like it.
  Target against_similar(const Target& target, const Tensor& outputs) const {
    if (!target.is_class()) return target;
    Tensor distances = (outputs - outputs[target.index]).abs();
    distances[target.index] = std::numeric_limits<double>::infinity();
    int64_t count = std::min(similar_, outputs.numel() - 1);
    Tensor similar = std::get<1>(distances.topk(count, 0, /*largest=*/false));
    Tensor theirs = outputs.index_select(0, similar);
    Tensor shares = at::softmax(theirs, 0);
    Tensor differences = outputs[target.index] - share_ * theirs;
    Tensor weights = at::zeros_like(outputs);
    weights.index_copy_(0, similar, shares * (differences - (shares * differences).sum() - share_));
    weights[target.index] = 1;
    const double* first = weights.const_data_ptr<double>();
    return {.kind = Target::Kind::weighting, .weights = {first, first + weights.numel()}};
  }

  const Network& network_;
  GradientCam cam_;
  double share_;
  int64_t similar_;
};

}  // namespace

MethodEntry finer_cam_method() {
  auto options = cam_options();
  options.push_back(number_option("alpha", "how much the similar classes count", 1, 0));
  options.push_back(
      whole_option("similar", "how many classes of the nearest logits are compared with", 3, 1, 1000));
  return {
      "finer-cam",
      "Grad-CAM of what tells a class from those that the network finds most like it; of other targets it is "
      "Grad-CAM",
      "Zhang et al. 2025", std::move(options), make_method<FinerCam>};
}

}  // namespace iba
