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

// The bottleneck works on pixels, as `Grid` makes them: for images (B, h, w, C), a channels-last tensor seen
// by its memory, so that passing it to the network and back copies nothing.

}  // namespace

PerSampleBottleneck::PerSampleBottleneck(const Network& network, const LayerStatistics& statistics,
                                         PerSampleOptions options)
    : network_(network),
      options_(options),
      layer_(statistics.layer()),
      cut_(network, network.layer(statistics.layer()).value),
      clamp_noise_(options.preset == Preset::paper),
      clamp_zero_(options.preset == Preset::paper && statistics.after_relu()) {
  auto options_on_device = at::TensorOptions(network.device()).dtype(at::kFloat);
  shape_ = statistics.shape().vec();
  mean_ = statistics.mean(options.preset).to(options_on_device);
  std_ = statistics.standard_deviation(options.preset, options.minimum_std).to(options_on_device);
  Tensor inactive = statistics.active(options.preset).logical_not();
  if (inactive.any().item<bool>()) inactive_ = inactive.to(network.device());
}

/// The optimisation of one batch.
class PerSampleRun {
 public:
  PerSampleRun(const PerSampleBottleneck& bottleneck, const Tensor& images,
               const std::vector<Request>& requests)
      : iba_(bottleneck), image_size_{images.size(2), images.size(3)}, values_(iba_.cut_.before(images)) {
    const Tensor& activation = values_[iba_.cut_.at()];
    check_shape(activation);
    grid_ = require_grid(iba_.network_.layer(iba_.layer_), iba_.shape_, image_size_);
    choose_targets(requests);
    Tensor pixels = grid_.to_pixels(activation);
    mean_ = statistic_pixels(iba_.mean_);
    std_ = statistic_pixels(iba_.std_);
    if (iba_.inactive_.defined()) inactive_ = statistic_pixels(iba_.inactive_);
    deviation_ = pixels - mean_;
    normalised_ = deviation_ / std_;
    smoothing_ = std::make_unique<Smoothing>(options().sigma, grid_, pixels.options());
    alpha_ = at::full_like(pixels, kInitialAlpha);
    optimizer_ = std::make_unique<Adam>(alpha_, options().learning_rate);
    at_once_ = std::max<int64_t>(1, kMaximumRows / options().copies);
    for (const auto& request : requests) streams_.emplace_back(request.seed, pixels.device());
    int64_t passes = (this->images() + at_once_ - 1) / at_once_;
    noise_ = std::make_unique<NoiseAhead>([this] { return draw_noise(); }, passes * options().steps,
                                          pixels.device());
  }

  std::vector<PerSampleResult> run(const Cancellation& cancellation, const StepProgress& progress) {
    for (int64_t step = 1; step <= options().steps; ++step) {
      advance(step == options().steps, cancellation);
      if (progress) progress(step, options().steps);
    }
    for (int64_t b = 0; b < images(); ++b) {
      results_[b].map = options().keep_steps ? results_[b].step_maps.back() : map_of(b);
      if (options().keep_capacity) results_[b].capacity = natural(capacity_.slice(0, b, b + 1));
    }
    return std::move(results_);
  }

 private:
  const PerSampleOptions& options() const { return iba_.options_; }
  int64_t images() const { return deviation_.size(0); }

  void check_shape(const Tensor& activation) const {
    at::IntArrayRef expected = iba_.shape_, found = activation.sizes().slice(1);
    if (found == expected) return;
    std::ostringstream message;
    message << "The statistics of '" << iba_.layer_ << "' are for activations of shape " << expected
            << ", but these images give " << found << ". Estimate statistics with images of this size.";
    throw Error("STATISTICS", message.str());
  }

  void choose_targets(const std::vector<Request>& requests) {
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
    if (inactive_.defined()) capacity_.masked_fill_(inactive_, 0);
    Tensor information = capacity_.mean({1, 2, 3}, false, at::kDouble).cpu();

    Tensor mask_gradient = capacity_derivative(normalised_, mask);
    mask_gradient.mul_(options().beta / static_cast<double>(capacity_[0].numel()));
    for (int64_t begin = 0; begin < images(); begin += at_once_) {
      cancellation.check();
      int64_t end = std::min(begin + at_once_, images());
      auto cross_entropy = noised_pass(begin, end, mask, mask_gradient, is_last);
      for (int64_t b = begin; b < end; ++b)
        report(b, cross_entropy[b - begin], information[b].item<double>());
    }
    if (is_last) return;
    if (inactive_.defined()) mask_gradient.masked_fill_(inactive_, 0);
    optimizer_->step(mask_backward(alpha_, *smoothing_, mask_gradient));
  }

  /// Sends the noised activations of some images through the rest of the network, adds the gradient of their
  /// cross-entropy to `mask_gradient`, and returns the cross-entropies.
  std::vector<double> noised_pass(int64_t begin, int64_t end, const Mask& mask, Tensor& mask_gradient,
                                  bool only_forward) {
    Tensor noise = noise_->next();  // (b, copies, h, w, C)
    Tensor drop = mask.drop.slice(0, begin, end);
    Tensor deviation = deviation_.slice(0, begin, end);
    Tensor signal = at::addcmul(mean_, mask.keep.slice(0, begin, end), deviation);
    Tensor noise_scale = (iba_.clamp_noise_ ? drop.clamp_min(kSmallestNoise) : drop) * std_;
    if (inactive_.defined()) {
      signal.masked_fill_(inactive_, 0);
      noise_scale.masked_fill_(inactive_, 0);
    }
    Tensor noised = at::addcmul(signal.unsqueeze(1), noise_scale.unsqueeze(1), noise);
    if (iba_.clamp_zero_) noised.relu_();

    Interpreter::Tape tape;
    Tensor logits = iba_.cut_.after(skipping_rows(begin, end), grid_.from_pixels(noised.flatten(0, 1)),
                                    only_forward ? nullptr : &tape);
    auto [losses, logit_gradient] = cross_entropy(logits, begin, end);
    if (only_forward) return losses;

    Tensor gradient = grid_.to_pixels(iba_.cut_.backward(tape, std::move(logit_gradient))).view_as(noise);
    if (iba_.clamp_zero_) gradient = at::threshold_backward(gradient, noised, 0);
    Tensor through_signal = at::zeros_like(deviation);
    Tensor through_noise = at::zeros_like(deviation);
    for (int64_t copy = 0; copy < options().copies; ++copy) {
      through_signal.add_(gradient.select(1, copy));
      through_noise.addcmul_(gradient.select(1, copy), noise.select(1, copy));
    }
    through_noise.mul_(std_);
    if (iba_.clamp_noise_) through_noise.masked_fill_(drop < kSmallestNoise, 0);
    mask_gradient.slice(0, begin, end).addcmul_(deviation, through_signal).sub_(through_noise);
    return losses;
  }

  /// The noise of the next images in turn, each from its own stream, as pixels.
  Tensor draw_noise() {
    int64_t begin = next_drawn_;
    int64_t end = std::min(begin + at_once_, images());
    next_drawn_ = end == images() ? 0 : end;
    std::vector<int64_t> shape = iba_.shape_;
    shape.insert(shape.begin(), options().copies);
    std::vector<Tensor> drawn;
    for (int64_t b = begin; b < end; ++b) drawn.push_back(grid_.to_pixels(streams_[b].draw(shape)));
    return drawn.size() == 1 ? drawn[0].unsqueeze(0) : at::stack(drawn);
  }

  Values skipping_rows(int64_t begin, int64_t end) const {
    auto indices = at::arange(begin, end, at::TensorOptions(deviation_.device()).dtype(at::kLong));
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
    const double* first = losses.const_data_ptr<double>();
    return {std::vector<double>(first, first + losses.numel()), gradient};
  }

  void report(int64_t b, double cross_entropy, double information) {
    results_[b].steps.push_back({cross_entropy + options().beta * information, cross_entropy, information});
    if (options().keep_steps) results_[b].step_maps.push_back(map_of(b));
  }

  /// Only what belongs to a place of the image is in the map.
  Tensor map_of(int64_t b) const {
    Tensor places = grid_.places(capacity_.slice(0, b, b + 1))[0];
    return capacity_map(places.permute({2, 0, 1}), options().preset, image_size_);
  }

  /// One value for each neuron of the layer as pixels without the batch dimension.
  Tensor statistic_pixels(const Tensor& statistic) const {
    return grid_.to_pixels(statistic.unsqueeze(0))[0].contiguous();
  }

  /// The pixels of one image in the layer's own shape.
  Tensor natural(const Tensor& pixels) const { return grid_.from_pixels(pixels)[0].contiguous(); }

  const PerSampleBottleneck& iba_;
  std::array<int64_t, 2> image_size_;
  Values values_;
  Grid grid_;
  Tensor mean_;  // all of them as pixels
  Tensor std_;
  Tensor inactive_;    // undefined where every neuron is active
  Tensor deviation_;   // r − μ
  Tensor normalised_;  // (r − μ)/σ
  Tensor alpha_;
  Tensor capacity_;
  std::unique_ptr<Smoothing> smoothing_;
  std::unique_ptr<Adam> optimizer_;
  int64_t at_once_ = 1;  // images that go through the network together
  int64_t next_drawn_ = 0;
  std::vector<NoiseStream> streams_;
  std::vector<PerSampleResult> results_;
  std::unique_ptr<NoiseAhead> noise_;  // last, so that its thread ends first
};

std::vector<PerSampleResult> PerSampleBottleneck::attribute(const Tensor& images,
                                                            const std::vector<Request>& requests,
                                                            const Cancellation& cancellation,
                                                            const StepProgress& progress) const {
  at::NoGradGuard no_grad;
  return PerSampleRun(*this, images, requests).run(cancellation, progress);
}

}  // namespace iba
