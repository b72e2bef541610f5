#include <algorithm>
#include <cmath>
#include <numeric>

#include "attribution/methods/methods.h"
#include "attribution/passes.h"
#include "attribution/smooth_mask.h"
#include "error.h"
#include "image/gaussian_matrix.h"
#include "runtime/device.h"
#include "target/objective.h"

namespace iba {

namespace {

constexpr double kLearningRate = 0.01;
constexpr double kVelocityMomentum = 0.9;  // and dampening
/// By what the weight of the area grows from step to step.
constexpr double kAreaGrowth = 1.0035;
/// How far the Gaussian of a blurred level reaches, in deviations.
constexpr double kBlurReach = 4;
constexpr int64_t kFewestSpacings = 2;

/// What stands for the image where a mask isn't 1: `levels` of it (N, L, C, H, W), the most perturbed first.
class Pyramid {
 public:
  /// Images blurred less and less, or where there is no deviation faded to the mean colour, 0.
  Pyramid(const Tensor& images, int64_t levels, double deviation) : last_(static_cast<double>(levels - 1)) {
    std::vector<Tensor> found;
    for (int64_t level = 0; level < levels; ++level) {
      const double kept = static_cast<double>(level) / last_;
      found.push_back(deviation == 0 ? images * kept : blurred(images, deviation * (1 - kept)));
    }
    levels_ = at::stack(found, 1);
  }

  struct Mixed {
    Tensor images;   // (N, C, H, W)
    Tensor by_mask;  // their derivative by the mask of each pixel
  };

  /// Each pixel of its level, 0 to 1, with those between two levels mixed of both.
  Mixed mix(const Tensor& masks) const {
    Tensor place = masks * last_, below = place.floor();
    Tensor share = (place - below).unsqueeze(1);
    auto level = [&](const Tensor& of) {
      Tensor index = of.clamp(0, last_).to(at::kLong).unsqueeze(1).unsqueeze(1);
      auto shape = levels_.sizes().vec();
      shape[1] = 1;
      return levels_.gather(1, index.expand(shape)).squeeze(1);
    };
    Tensor lower = level(below), difference = level(below + 1) - lower;
    return {lower + share * difference, difference * last_};
  }

 private:
  static Tensor blurred(const Tensor& images, double deviation) {
    auto along = [&](int64_t size) {
      auto reach = static_cast<int64_t>(std::ceil(kBlurReach * deviation));
      return sent_to(images.device(), gaussian_matrix(size, deviation, reach).to(at::kFloat));
    };
    return along(images.size(2)).matmul(images).matmul(along(images.size(3)).t());
  }

  double last_;
  Tensor levels_;
};

/// Gradient descent with momentum, as PyTorch has it: the first gradient counts whole.
class Momentum {
 public:
  void step(Tensor& parameters, const Tensor& gradient) {
    velocity_ =
        velocity_.defined() ? velocity_ * kVelocityMomentum + gradient * (1 - kVelocityMomentum) : gradient;
    parameters.sub_(velocity_, kLearningRate).clamp_(0, 1);
  }

 private:
  Tensor velocity_;
};

class ExtremalPerturbation : public Method {
 public:
  explicit ExtremalPerturbation(const MethodContext& context)
      : network_(context.network),
        cut_(network_, network_.input),
        areas_(context.options.numbers("areas")),
        steps_(context.options.whole("steps")),
        levels_(context.options.whole("levels")),
        deviation_(context.options.text("perturbation") == "fade" ? 0
                                                                  : context.options.number("maximumSigma")),
        spacing_(context.options.whole("spacing")),
        sigma_(context.options.number("sigma")),
        area_weight_(context.options.number("areaWeight")),
        flips_(context.options.flag("flip")) {
    const auto& game = context.options.text("game");
    if (game != "delete") signs_.push_back(1);
    if (game != "preserve") signs_.push_back(-1);
    if (sigma_ < static_cast<double>(kFewestSpacings * spacing_)) {
      throw Error(ErrorCode::invalid_argument,
                  "Expected a sigma of at least twice the spacing of the mask's parameters, " +
                      std::to_string(spacing_) + ", but received " + std::to_string(sigma_) +
                      ". Give a greater sigma or a smaller spacing.");
    }
  }

  std::vector<Attribution> attribute(const Batch& batch) const override {
    const auto areas = static_cast<int64_t>(areas_.size());
    // A mask for each area of each image, those of an image one after the other.
    const int64_t masks = batch.size() * areas;
    const int64_t together = std::max<int64_t>(1, batch.rows / static_cast<int64_t>(signs_.size()));
    Steps steps(batch, runs_of(batch) + steps_ * runs_of(masks, together));
    Targets targets = find_targets(network_, batch, steps);
    SmoothMask smooth(batch.image_size(), spacing_, sigma_, network_.device());
    std::vector<Tensor> found, terms;
    for_each_run(masks, together, [&](int64_t begin, int64_t end) {
      Optimised optimised = optimise(batch, targets, smooth, begin, end, steps);
      found.push_back(optimised.masks);
      terms.push_back(optimised.terms);
    });
    auto shape = batch.images.sizes();
    Tensor maps = at::cat(found).cpu().view({batch.size(), areas, shape[2], shape[3]});
    Tensor series = at::cat(terms, 1).cpu().view({steps_, batch.size(), areas, 2}).mean(2);
    std::vector<Attribution> attributions;
    for (int64_t b = 0; b < batch.size(); ++b) {
      Attribution attribution = targets.attribution(b);
      attribution.raw = maps[b].contiguous();
      attribution.map = attribution.raw.mean(0);
      attribution.series = {{"reward", numbers(series, b, 0)}, {"areaPenalty", numbers(series, b, 1)}};
      attributions.push_back(std::move(attribution));
    }
    return attributions;
  }

 private:
  struct Optimised {
    Tensor masks;  // (N, H, W)
    Tensor terms;  // of each step (steps, N, 2): the reward, and what the area takes off it
  };

  static std::vector<double> numbers(const Tensor& series, int64_t b, int64_t term) {
    Tensor chosen = series.select(1, b).select(1, term).contiguous();
    return {chosen.const_data_ptr<double>(), chosen.const_data_ptr<double>() + chosen.numel()};
  }

  /// The masks from `begin` to `end`. They are those of the last pass.
  Optimised optimise(const Batch& batch, const Targets& targets, const SmoothMask& smooth, int64_t begin,
                     int64_t end, Steps& steps) const {
    const auto areas = static_cast<int64_t>(areas_.size());
    std::vector<Target> explained;
    std::vector<Tensor> images;
    for (int64_t i = begin; i < end; ++i) {
      explained.push_back(targets.settled[static_cast<size_t>(i / areas)]);
      images.push_back(batch.images[i / areas]);
    }
    Pyramid pyramid(at::stack(images), levels_, deviation_);
    auto [height, width] = smooth.parameters();
    Tensor parameters = at::ones({end - begin, height, width}, batch.images.options());
    Tensor wanted = sorted_fields(smooth, begin, end);
    Momentum momentum;
    Optimised found;
    std::vector<Tensor> terms;
    double weight = area_weight_;
    for (int64_t step = 0; step < steps_; ++step, weight *= kAreaGrowth) {
      steps.check();
      Tensor fields = smooth.fields(parameters);
      found.masks = smooth.over_image(fields);
      auto [reward, by_masks] = rewards(pyramid, found.masks, explained, flips_ && step % 2 == 0, batch.rows);
      // The sorted field is to be 0 up to the area, and 1 in it.
      auto [sorted, order] = fields.flatten(1).sort(1);
      Tensor off = sorted - wanted;
      Tensor penalty = off.square().mean(1, false, at::kDouble) * weight;
      terms.push_back(at::stack({reward.to(at::kDouble), penalty}, 1));
      if (step + 1 < steps_) {
        Tensor by_fields = at::zeros_like(sorted).scatter_(1, order, off);
        by_fields.mul_(2 * weight / static_cast<double>(sorted.size(1)));
        by_fields = by_fields.view_as(fields);
        smooth.add_over_image(by_fields, -by_masks);
        momentum.step(parameters, smooth.backward(parameters, fields, by_fields));
      }
      steps.finish();
    }
    found.terms = at::stack(terms);
    return found;
  }

  /// What the sorted values of a field are to be for each mask's area.
  Tensor sorted_fields(const SmoothMask& smooth, int64_t begin, int64_t end) const {
    auto [height, width] = smooth.field();
    Tensor wanted = at::ones({end - begin, height * width}, at::kFloat);
    for (int64_t i = begin; i < end; ++i) {
      const double area = areas_[static_cast<size_t>(i) % areas_.size()];
      auto without = static_cast<int64_t>(static_cast<double>(height * width) * (1 - area));
      wanted[i - begin].slice(0, 0, without).zero_();
    }
    return sent_to(network_.device(), wanted);
  }

  /// The reward of each mask (N), and its gradient (N, H, W): the score of what the mask preserves, less that
  /// of what it leaves.
  std::pair<Tensor, Tensor> rewards(const Pyramid& pyramid, const Tensor& masks,
                                    const std::vector<Target>& explained, bool is_flipped,
                                    int64_t rows) const {
    Tensor reward, by_masks;
    for (double sign : signs_) {
      auto [images, by_level] = pyramid.mix(sign > 0 ? masks : 1 - masks);
      auto [scores, by_images] = scored(is_flipped ? images.flip(3) : images, explained, rows);
      if (is_flipped) by_images = by_images.flip(3);
      // Less the score of 1 − mask: both signs cancel.
      Tensor gradient = (by_images * by_level).sum(1);
      reward = reward.defined() ? reward + sign * scores : sign * scores;
      by_masks = by_masks.defined() ? by_masks + gradient : gradient;
    }
    return {reward, by_masks};
  }

  /// The scores of images, each of its target, and their gradient.
  std::pair<Tensor, Tensor> scored(const Tensor& images, const std::vector<Target>& explained,
                                   int64_t rows) const {
    std::vector<Tensor> scores, gradients;
    for_each_run(images.size(0), rows, [&](int64_t begin, int64_t end) {
      Tensor part = images.slice(0, begin, end).contiguous();
      Interpreter::Tape tape;
      Tensor outputs = cut_.after(cut_.before(part), part, &tape);
      Objective objective({explained.begin() + begin, explained.begin() + end}, outputs.size(1),
                          outputs.device());
      scores.push_back(objective.score(outputs));
      gradients.push_back(cut_.backward(tape, objective.score_gradient(outputs)));
    });
    return {at::cat(scores), at::cat(gradients)};
  }

  const Network& network_;
  Cut cut_;
  const std::vector<double>& areas_;
  int64_t steps_;
  int64_t levels_;
  double deviation_;
  int64_t spacing_;
  double sigma_;
  double area_weight_;
  bool flips_;
  std::vector<double> signs_;
};

OptionSpec areas_option() {
  OptionSpec spec =
      numbers_option("areas", "shares of the image that masks are found for; the map is their mean");
  spec.standard = std::vector<double>{0.1};
  spec.minimum = 0.001;
  spec.maximum = 1;
  return spec;
}

}  // namespace

MethodEntry extremal_perturbation_method() {
  return {"extremal-perturbation",
          "a smooth mask of a given area that preserves most of the score, the rest being blurred",
          "Fong et al. 2019",
          with_common_options(
              {areas_option(), whole_option("steps", "optimisation steps", 800, 1, 100'000),
               choice_option("game",
                             "preserve: the score is to be high where the mask is kept; delete: low where it "
                             "is taken away; dual: both",
                             "preserve", {"preserve", "delete", "dual"}),
               choice_option("perturbation", "what becomes of the rest: blurred, or faded to the mean colour",
                             "blur", {"blur", "fade"}),
               number_option("maximumSigma", "deviation of the strongest blur, in pixels", 20, 0.1, 1000),
               whole_option("levels", "levels of the perturbation, which are mixed between", 8, 2, 100),
               whole_option("spacing", "pixels between the mask's parameters", 7, 1, 1000),
               number_option("sigma", "how far a parameter reaches, in pixels: at least twice the spacing",
                             21, 2, 10'000),
               number_option("areaWeight", "weight of the area at first; it grows from step to step", 300, 0),
               flag_option("flip", "flip the image in every second step", true)}),
          make_method<ExtremalPerturbation>};
}

}  // namespace iba
