#include <cmath>
#include <vector>

#include "attribution/in_float.h"
#include "attribution/methods/methods.h"
#include "attribution/passes.h"
#include "image/gaussian_matrix.h"
#include "network/interpreter.h"
#include "runtime/device.h"

namespace iba {

namespace {

/// How far the Gaussian reaches, in deviations, as SciPy's.
constexpr double kReach = 4;
/// By how much the deviation differs where the image's change with it is taken, as in the authors' code.
constexpr double kDeviationStep = 0.01;

Tensor blur_matrix(int64_t size, double deviation) {
  return gaussian_matrix(size, deviation, static_cast<int64_t>(kReach * deviation + 0.5));
}

/// The images on the way from the sharp to the most blurred one, with how each changes with the deviation.
class BlurredWay {
 public:
  BlurredWay(std::array<int64_t, 2> size, double greatest, int64_t steps, at::Device device)
      : size_(size), steps_(steps), step_(greatest / static_cast<double>(steps)), device_(device) {}

  struct Part {
    Tensor images;   // (rows, C, H, W)
    Tensor changes;  // for a deviation that grows by one
  };

  /// Of an image (C, H, W) the places from `begin` to `end`.
  Part get(const Tensor& image, int64_t begin, int64_t end) const {
    auto [rows, row_changes] = matrices(size_[0], begin, end);
    auto [columns, column_changes] = matrices(size_[1], begin, end);
    Tensor more_rows = rows + kDeviationStep * row_changes;
    Tensor changes = blurred(row_changes, image, columns) + blurred(more_rows, image, column_changes);
    return {blurred(rows, image, columns), changes};
  }

  /// The most blurred image (1, C, H, W).
  Tensor end(const Tensor& image) const { return get(image, steps_, steps_ + 1).images; }

 private:
  static Tensor blurred(const Tensor& rows, const Tensor& image, const Tensor& columns) {
    return rows.unsqueeze(1).matmul(image).matmul(columns.unsqueeze(1).transpose(2, 3));
  }

  /// The matrices of an axis (rows, 1, size, size), and their difference quotients: of floats, the difference
  /// of two images that are blurred nearly alike would be mostly rounding.
  std::pair<Tensor, Tensor> matrices(int64_t size, int64_t begin, int64_t end) const {
    std::vector<Tensor> found, changes;
    for (int64_t i = begin; i < end; ++i) {
      double deviation = step_ * static_cast<double>(i);
      found.push_back(blur_matrix(size, deviation));
      changes.push_back((blur_matrix(size, deviation + kDeviationStep) - found.back()) / kDeviationStep);
    }
    auto send = [&](const std::vector<Tensor>& parts) {
      return sent_to(device_, at::stack(parts).to(at::kFloat));
    };
    return {send(found), send(changes)};
  }

  std::array<int64_t, 2> size_;
  int64_t steps_;
  double step_;
  at::Device device_;
};

class BlurIntegratedGradients : public Method {
 public:
  explicit BlurIntegratedGradients(const MethodContext& context)
      : network_(context.network),
        pass_(network_, network_.input),
        steps_(context.options.whole("steps")),
        greatest_(context.options.number("maximumSigma")) {}

  std::vector<Attribution> attribute(const Batch& batch) const override {
    Steps steps(batch, runs_of(batch) + batch.size() * runs_of(steps_, batch.rows));
    Targets targets = find_targets(network_, batch, steps);
    BlurredWay way(batch.image_size(), greatest_, steps_, batch.images.device());
    std::vector<Attribution> attributions;
    for (int64_t b = 0; b < batch.size(); ++b) {
      Attribution attribution = targets.attribution(b);
      attribution.raw = integrated(batch, b, way, attribution.target, steps).cpu().contiguous();
      attribution.map = attribution.raw.sum(0);
      Tensor blurred = logits(network_, way.end(batch.images[b])).cpu();
      double rise = targets.scores[b] - explained_scores(blurred, targets, b).item<double>();
      attribution.checks = {{"completenessGap", rise - attribution.raw.sum(at::kDouble).item<double>()}};
      attributions.push_back(std::move(attribution));
    }
    return attributions;
  }

  std::string unit() const override { return "logits"; }

 private:
  /// What the score loses as the deviation grows, by pixels.
  Tensor integrated(const Batch& batch, int64_t b, const BlurredWay& way, const Target& target,
                    Steps& steps) const {
    Tensor sum = at::zeros_like(batch.images[b]);
    for_each_run(steps_, batch.rows, [&](int64_t begin, int64_t end) {
      steps.check();
      auto part = way.get(batch.images[b], begin, end);
      Tensor gradients = pass_.run(part.images, {target});
      sum.sub_((gradients * part.changes).sum(0));
      steps.finish();
    });
    return sum * (greatest_ / static_cast<double>(steps_));
  }

  const Network& network_;
  BackwardPass pass_;
  int64_t steps_;
  double greatest_;
};

}  // namespace

MethodEntry blur_ig_method() {
  return {"blur-ig",
          "the gradient, integrated along the way on which the image gets sharp, by no baseline of a colour",
          "Xu et al. 2020",
          with_common_options(
              {whole_option("steps", "images on the way", 100, 1),
               number_option("maximumSigma", "deviation of the strongest blur, in pixels", 50, 0, 1000)}),
          make_in_float<BlurIntegratedGradients>};
}

}  // namespace iba
