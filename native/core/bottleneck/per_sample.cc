#include "bottleneck/per_sample.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <sstream>

#include "bottleneck/information.h"
#include "bottleneck/map.h"
#include "error.h"
#include "optimizer/adam.h"
#include "runtime/noise.h"

namespace iba {

namespace {

constexpr double kInitialAlpha = 5;
/// exp(-10 / 2): the smallest deviation of the noise where its log-variance is clamped to [-10, 10].
constexpr double kSmallestNoise = 6.737946999085467e-3;
/// Noised activations that go through the network at once; more images than that are taken in turns.
constexpr int64_t kMaximumRows = 32;

/// One image's value per (C, h, w), shaped to broadcast over its noise copies.
Tensor over_copies(const Tensor& per_image) {
  return per_image.unsqueeze(1);
}

}  // namespace

PerSampleBottleneck::PerSampleBottleneck(const Network& network, const LayerStatistics& statistics,
                                         PerSampleOptions options)
    : network_(network),
      options_(options),
      layer_(statistics.layer()),
      cut_(network, network.layer(statistics.layer()).value),
      clamp_noise_(options.preset == Preset::paper),
      clamp_zero_(options.preset == Preset::paper && statistics.after_relu()) {
  auto target = at::TensorOptions(network.device()).dtype(at::kFloat);
  mean_ = statistics.mean(options.preset).to(target);
  std_ = statistics.standard_deviation(options.preset, options.minimum_std).to(target);
  Tensor inactive = statistics.active(options.preset).logical_not();
  if (inactive.any().item<bool>()) inactive_ = inactive.to(network.device());
}

/// The optimisation of one batch.
class PerSampleRun {
 public:
  PerSampleRun(const PerSampleBottleneck& bottleneck, const Tensor& images,
               const std::vector<PerSampleRequest>& requests)
      : iba_(bottleneck), image_size_{images.size(2), images.size(3)}, values_(iba_.cut_.before(images)) {
    activation_ = values_[iba_.cut_.at()].contiguous();
    check_shape();
    choose_targets(requests);
    normalised_ = (activation_ - iba_.mean_) / iba_.std_;
    deviation_ = activation_ - iba_.mean_;
    smoothing_ = std::make_unique<Smoothing>(options().sigma, activation_.size(2), activation_.size(3),
                                             activation_.options());
    alpha_ = at::full_like(activation_, kInitialAlpha);
    optimizer_ = std::make_unique<Adam>(alpha_, options().learning_rate);
    for (const auto& request : requests) streams_.emplace_back(request.seed, activation_.device());
  }

  std::vector<PerSampleResult> run(const Cancellation& cancellation, const StepProgress& progress) {
    for (int64_t step = 1; step <= options().steps; ++step) {
      cancellation.check();
      advance(step == options().steps, cancellation);
      if (progress) progress(step);
    }
    for (int64_t b = 0; b < images(); ++b) {
      results_[b].map = options().keep_steps ? results_[b].step_maps.back() : map_of(b);
      if (options().keep_capacity) results_[b].capacity = capacity_[b].clone();
    }
    return std::move(results_);
  }

 private:
  const PerSampleOptions& options() const { return iba_.options_; }
  int64_t images() const { return activation_.size(0); }

  void check_shape() const {
    if (activation_.sizes().slice(1) == iba_.mean_.sizes()) return;
    std::ostringstream message;
    message << "The statistics of '" << iba_.layer_ << "' are for activations of shape " << iba_.mean_.sizes()
            << ", but these images give " << activation_.sizes().slice(1)
            << ". Estimate statistics with images of this size.";
    throw Error("STATISTICS", message.str());
  }

  void choose_targets(const std::vector<PerSampleRequest>& requests) {
    Tensor clean = iba_.cut_.after(values_, values_[iba_.cut_.at()]).to(at::kCPU, at::kFloat);
    Tensor probabilities = at::softmax(clean, 1);
    results_.resize(requests.size());
    for (size_t b = 0; b < requests.size(); ++b) {
      int64_t target = requests[b].target;
      auto row = static_cast<int64_t>(b);
      if (target < 0) target = probabilities[row].argmax().item<int64_t>();
      results_[b].target = target;
      results_[b].probability = probabilities[row][target].item<double>();
    }
  }

  /// One step: measure the information that passes, and move α against the gradient of the loss.
  void advance(bool is_last, const Cancellation& cancellation) {
    Mask mask = mask_of(alpha_, *smoothing_);
    capacity_ = capacity(normalised_, mask);
    if (iba_.inactive_.defined()) capacity_.masked_fill_(iba_.inactive_, 0);
    Tensor information = capacity_.mean({1, 2, 3}, false, at::kDouble).cpu();

    Tensor mask_gradient = capacity_derivative(normalised_, mask);
    mask_gradient.mul_(options().beta / static_cast<double>(capacity_[0].numel()));
    int64_t at_once = std::max<int64_t>(1, kMaximumRows / options().copies);
    for (int64_t begin = 0; begin < images(); begin += at_once) {
      cancellation.check();
      int64_t end = std::min(begin + at_once, images());
      auto cross_entropy = noised_pass(begin, end, mask, mask_gradient, is_last);
      for (int64_t b = begin; b < end; ++b)
        report(b, cross_entropy[b - begin], information[b].item<double>());
    }
    if (is_last) return;
    if (iba_.inactive_.defined()) mask_gradient.masked_fill_(iba_.inactive_, 0);
    optimizer_->step(mask_backward(alpha_, *smoothing_, mask_gradient));
  }

  /// Sends the noised activations of some images through the rest of the network, adds the gradient of their
  /// cross-entropy to `mask_gradient`, and returns the cross-entropies.
  std::vector<double> noised_pass(int64_t begin, int64_t end, const Mask& mask, Tensor& mask_gradient,
                                  bool only_forward) {
    Tensor noise = draw_noise(begin, end);
    Tensor keep = mask.keep.slice(0, begin, end);
    Tensor drop = mask.drop.slice(0, begin, end);
    Tensor deviation = deviation_.slice(0, begin, end);
    Tensor noise_scale = (iba_.clamp_noise_ ? drop.clamp_min(kSmallestNoise) : drop) * iba_.std_;

    Tensor signal = at::addcmul(iba_.mean_, keep, deviation);
    Tensor noised = at::addcmul(over_copies(signal), over_copies(noise_scale), noise);
    Tensor closed;  // where the noised activation doesn't move with the mask
    if (iba_.clamp_zero_) closed = noised.le(0);
    if (iba_.inactive_.defined()) closed = iba_.inactive_.expand_as(noised);
    if (closed.defined()) noised.masked_fill_(closed, 0);

    Interpreter::Tape tape;
    Tensor rows = noised.flatten(0, 1).contiguous(at::MemoryFormat::ChannelsLast);
    noised.reset();
    Tensor logits =
        iba_.cut_.after(skipping_rows(begin, end), std::move(rows), only_forward ? nullptr : &tape);
    auto [losses, logit_gradient] = cross_entropy(logits, begin, end);
    if (only_forward) return losses;

    Tensor gradient = iba_.cut_.backward(tape, std::move(logit_gradient)).contiguous().view_as(noise);
    if (closed.defined()) gradient.masked_fill_(closed, 0);
    Tensor sum = gradient.sum(1);
    Tensor with_noise = gradient.mul_(noise).sum(1).mul_(iba_.std_);
    if (iba_.clamp_noise_) with_noise.masked_fill_(drop < kSmallestNoise, 0);
    mask_gradient.slice(0, begin, end).addcmul_(deviation, sum).sub_(with_noise);
    return losses;
  }

  Tensor draw_noise(int64_t begin, int64_t end) {
    auto shape = activation_.sizes();
    Tensor noise =
        at::empty({end - begin, options().copies, shape[1], shape[2], shape[3]}, activation_.options());
    for (int64_t b = begin; b < end; ++b) {
      Tensor own = noise[b - begin];
      streams_[b].fill(own);
    }
    return noise;
  }

  Values skipping_rows(int64_t begin, int64_t end) const {
    auto indices = at::arange(begin, end, at::TensorOptions(activation_.device()).dtype(at::kLong));
    return iba_.cut_.select(values_, indices.repeat_interleave(options().copies));
  }

  /// The mean cross-entropy of each image over its copies, and its gradient with respect to the logits.
  std::pair<std::vector<double>, Tensor> cross_entropy(const Tensor& logits, int64_t begin,
                                                       int64_t end) const {
    std::vector<int64_t> targets;
    for (int64_t b = begin; b < end; ++b) targets.insert(targets.end(), options().copies, results_[b].target);
    Tensor index = at::tensor(targets).to(logits.device()).unsqueeze(1);
    Tensor log_probability = at::log_softmax(logits, 1);
    Tensor losses =
        -log_probability.gather(1, index).view({end - begin, options().copies}).mean(1, false, at::kDouble);
    Tensor gradient = log_probability.exp_();
    gradient.scatter_add_(1, index, -at::ones_like(index, gradient.scalar_type()));
    gradient.div_(static_cast<double>(options().copies));
    losses = losses.cpu();
    return {std::vector<double>(losses.const_data_ptr<double>(),
                                losses.const_data_ptr<double>() + losses.numel()),
            gradient};
  }

  void report(int64_t b, double cross_entropy, double information) {
    results_[b].steps.push_back({cross_entropy + options().beta * information, cross_entropy, information});
    if (options().keep_steps) results_[b].step_maps.push_back(map_of(b));
  }

  Tensor map_of(int64_t b) const { return capacity_map(capacity_[b], options().preset, image_size_); }

  const PerSampleBottleneck& iba_;
  std::array<int64_t, 2> image_size_;
  Values values_;
  Tensor activation_;
  Tensor normalised_;
  Tensor deviation_;  // r − μ
  Tensor alpha_;
  Tensor capacity_;
  std::unique_ptr<Smoothing> smoothing_;
  std::unique_ptr<Adam> optimizer_;
  std::vector<NoiseStream> streams_;
  std::vector<PerSampleResult> results_;
};

std::vector<PerSampleResult> PerSampleBottleneck::attribute(const Tensor& images,
                                                            const std::vector<PerSampleRequest>& requests,
                                                            const Cancellation& cancellation,
                                                            const StepProgress& progress) const {
  at::NoGradGuard no_grad;
  return PerSampleRun(*this, images, requests).run(cancellation, progress);
}

}  // namespace iba
