#include "bottleneck/per_sample.h"

#include <algorithm>
#include <memory>

#include "bottleneck/adam.h"
#include "bottleneck/capacity_map.h"
#include "bottleneck/noised_layer.h"
#include "runtime/noise.h"

namespace iba {

namespace {

constexpr double kInitialAlpha = 5;
/// Noised activations that go through the network at once; more images than that are taken in turns.
constexpr int64_t kMaximumRows = 32;

}  // namespace

PerSampleBottleneck::PerSampleBottleneck(const Network& network, const LayerStatistics& statistics,
                                         PerSampleOptions options)
    : network_(network),
      options_(options),
      statistics_(NeuronStatistics::of(statistics, options.preset, options.minimum_std)),
      after_relu_(statistics.after_relu()),
      cut_(network, network.layer(statistics.layer()).value) {}

/// The optimisation of one batch.
class PerSampleRun {
 public:
  PerSampleRun(const PerSampleBottleneck& bottleneck, const Tensor& images,
               const std::vector<Request>& requests)
      : iba_(bottleneck),
        image_size_{images.size(2), images.size(3)},
        values_(iba_.cut_.before(images)),
        layer_(iba_.statistics_, grid_for(bottleneck, image_size_), options().preset, iba_.after_relu_,
               images.device()) {
    const Tensor& activation = values_[iba_.cut_.at()];
    layer_.check_shape(activation);
    choose_targets(requests);
    Tensor pixels = grid().to_pixels(activation);
    deviation_ = layer_.deviation(pixels);
    normalised_ = layer_.normalise(deviation_);
    smoothing_ = std::make_unique<Smoothing>(options().sigma, grid(), pixels.options());
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
      if (options().keep_capacity)
        results_[b].capacity = grid().from_pixels(capacity_.slice(0, b, b + 1))[0].contiguous();
    }
    return std::move(results_);
  }

 private:
  const PerSampleOptions& options() const { return iba_.options_; }
  const Grid& grid() const { return layer_.grid(); }
  int64_t images() const { return deviation_.size(0); }

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
    capacity_ = layer_.capacity(normalised_, mask);
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
    layer_.silence_inactive(mask_gradient);
    optimizer_->step(mask_backward(alpha_, *smoothing_, mask_gradient));
  }

  /// Sends the noised activations of some images through the rest of the network, adds the gradient of their
  /// cross-entropy to `mask_gradient`, and returns the cross-entropies.
  std::vector<double> noised_pass(int64_t begin, int64_t end, const Mask& mask, Tensor& mask_gradient,
                                  bool only_forward) {
    Tensor noise = noise_->next();  // (b, copies, h, w, C)
    Mask part{mask.keep.slice(0, begin, end), mask.drop.slice(0, begin, end)};
    Tensor deviation = deviation_.slice(0, begin, end);
    Tensor noised = layer_.mix(deviation, part, noise);

    Interpreter::Tape tape;
    Tensor logits = iba_.cut_.after(skipping_rows(begin, end), grid().from_pixels(noised.flatten(0, 1)),
                                    only_forward ? nullptr : &tape);
    auto [losses, logit_gradient] = cross_entropy(logits, begin, end);
    if (only_forward) return losses;

    Tensor gradient = grid().to_pixels(iba_.cut_.backward(tape, std::move(logit_gradient))).view_as(noise);
    Tensor part_gradient = mask_gradient.slice(0, begin, end);
    layer_.mix_backward(deviation, part, noise, noised, std::move(gradient), part_gradient);
    return losses;
  }

  /// The noise of the next images in turn, each from its own stream, as pixels.
  Tensor draw_noise() {
    int64_t begin = next_drawn_;
    int64_t end = std::min(begin + at_once_, images());
    next_drawn_ = end == images() ? 0 : end;
    auto shape = iba_.statistics_.mean.sizes().vec();
    shape.insert(shape.begin(), options().copies);
    std::vector<Tensor> drawn;
    for (int64_t b = begin; b < end; ++b) drawn.push_back(grid().to_pixels(streams_[b].draw(shape)));
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
    Tensor places = grid().places(capacity_.slice(0, b, b + 1))[0];
    return capacity_map(places.permute({2, 0, 1}), options().preset, image_size_);
  }

  static Grid grid_for(const PerSampleBottleneck& iba, std::array<int64_t, 2> image_size) {
    return require_grid(iba.network_.layer(iba.statistics_.layer), iba.statistics_.mean.sizes(), image_size);
  }

  const PerSampleBottleneck& iba_;
  std::array<int64_t, 2> image_size_;
  Values values_;
  NoisedLayer layer_;
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
