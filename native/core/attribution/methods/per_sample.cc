#include "attribution/methods/methods.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <mutex>
#include <span>

#include "attribution/passes.h"
#include "bottleneck/mask_solver.h"

namespace iba {

namespace {

/// Activations are divided by standard deviations, and squared.
constexpr double kSmallestStd = 1e-12;

const LayerStatistics& statistics_from(const MethodContext& context) {
  bool chosen = context.options.has("layer");
  return context.resources.statistics->layer(chosen ? context.options.text("layer")
                                                    : context.network.bottleneck_layer);
}

/// The preset of this method alone: ours, with what makes maps sooner that are as good.
constexpr const char* kFast = "fast";

bool is_fast(const MethodContext& context) {
  return context.options.has("preset") && context.options.text("preset") == kFast;
}

const Conventions& conventions_from(const MethodContext& context) {
  if (is_fast(context)) return conventions_of(Preset::iba);
  bool chosen = context.options.has("preset");
  return chosen ? context.options.conventions() : conventions_of(context.resources.statistics->preset);
}

bool adapts_copies(const MethodContext& context) {
  bool chosen = context.options.has("copyPlan");
  return chosen ? context.options.text("copyPlan") == "adaptive" : is_fast(context);
}

/// For each image, a mask is optimised so that the class stays recognisable while as little information as
/// possible passes the layer.
class PerSample : public Method {
 public:
  explicit PerSample(const MethodContext& context)
      : network_(context.network),
        conventions_(conventions_from(context)),
        is_proximal_(context.options.text("solver") == "proximal"),
        beta_(context.options.number("beta")),
        steps_(context.options.whole("steps")),
        copies_(context.options.whole("copies")),
        adapts_copies_(adapts_copies(context)),
        learning_rate_(context.options.number("learningRate")),
        kernel_(SmoothingKernel::of(context.options.number("sigma"))),
        keeps_capacity_(context.options.flag("keepCapacity")),
        keeps_steps_(context.options.flag("keepSteps")),
        statistics_(NeuronStatistics::of(statistics_from(context), conventions_,
                                         context.options.number("minimumStd"))),
        cut_(network_, network_.layer(statistics_.layer).value) {}

  std::vector<Attribution> attribute(const Batch& batch) const override {
    auto layer = layer_for(batch.image_size());
    int64_t images = std::max<int64_t>(1, batch.rows / copies_);
    Steps steps(batch, steps_ * runs_of(batch.size(), images));
    Targets targets;
    std::vector<Attribution> attributions;
    for_each_run(batch.size(), images, [&](int64_t begin, int64_t end) {
      steps.check();
      Values values = cut_.before(batch.images.slice(0, begin, end));
      const Tensor& activation = values[cut_.at()];
      layer->check_shape(activation);
      choose_targets(batch, begin, cut_.after(values, activation), targets);
      BottleneckLoss loss(cut_, *layer, activation, values);
      std::vector<NoiseStream> streams;
      for (int64_t b = begin; b < end; ++b) {
        attributions.push_back(targets.attribution(b));
        streams.emplace_back(batch.requests[b].seed, network_.device());
      }
      std::span run(attributions.begin() + begin, attributions.end());
      optimise(loss, *layer, std::move(streams), batch.image_size(), run, steps);
    });
    return attributions;
  }

  std::string unit() const override { return conventions_.unit; }

 private:
  /// Fills in the attributions of some images. Adam's map is that of the last forward pass, after which α
  /// stays; the proximal solver's is that after its last step.
  void optimise(const BottleneckLoss& loss, const NoisedLayer& layer, std::vector<NoiseStream> streams,
                std::array<int64_t, 2> image_size, std::span<Attribution> attributions, Steps& steps) const {
    std::vector<int64_t> targets;
    for (auto& attribution : attributions) {
      targets.push_back(attribution.target);
      attribution.series = {{"loss", {}}, {"crossEntropy", {}}, {"information", {}}};
    }
    auto solver = solver_for(layer, loss, static_cast<int64_t>(attributions.size()));
    int64_t drawn = 0;
    NoiseAhead noise([&] { return draw(layer, streams, ++drawn); }, steps_, network_.device());
    std::vector<Tensor> losses;                                  // of each step; a device keeps them
    std::vector<std::vector<Tensor>> maps(attributions.size());  // of each step that is kept
    for (int64_t step = 1; step <= steps_; ++step) {
      steps.check();
      const bool is_last = step == steps_;
      const bool moves = is_proximal_ || !is_last;
      auto terms = loss.forward(solver->mask(), noise.next(), targets, moves);
      losses.push_back(at::stack({terms.cross_entropy, terms.information}, 1));
      Tensor capacity = terms.capacity;
      if (moves) solver->step(loss, std::move(terms));
      if (is_last || keeps_steps_) {
        if (is_proximal_) capacity = loss.information(solver->mask()).capacity;
        add_maps(layer.grid().places(capacity), image_size, maps);
      }
      if (is_last) finish(layer.grid().from_pixels(capacity), maps, attributions);
      steps.finish();
    }
    add_losses(at::stack(losses).cpu(), attributions);
  }

  std::unique_ptr<MaskSolver> solver_for(const NoisedLayer& layer, const BottleneckLoss& loss,
                                         int64_t images) const {
    if (is_proximal_) return std::make_unique<ProximalSolver>(layer, loss, images, beta_);
    return std::make_unique<AdamSolver>(layer, images, beta_, learning_rate_);
  }

  /// The noise of a step. Pairs of opposite noise agree in what is linear in it.
  Tensor draw(const NoisedLayer& layer, std::vector<NoiseStream>& streams, int64_t step) const {
    if (!is_proximal_ && !adapts_copies_) return layer.draw_noise(streams, copies_);
    const int64_t copies = is_proximal_ ? copies_ : copies_of(step);
    Tensor half = layer.draw_noise(streams, (copies + 1) / 2);
    return at::cat({half, -half}, 1).narrow(1, 0, copies);
  }

  /// How many copies a step of Adam has where they are adapted: as many pairs as the root of the noise's
  /// share asks for, of a mask whose α fell by the learning rate in each step. As long as the mask lets
  /// nearly everything pass, all copies are nearly the same. It is the same for all images, so that none
  /// depends on another of its batch.
  int64_t copies_of(int64_t step) const {
    const double alpha = AdamSolver::kInitialAlpha - learning_rate_ * static_cast<double>(step - 1);
    const double share = 1 / (1 + std::exp(alpha));
    const double pairs = std::round(static_cast<double>(copies_) / 2 * std::sqrt(share));
    return std::min(copies_, 2 * std::max<int64_t>(1, static_cast<int64_t>(pairs)));
  }

  /// L_CE and L_I (steps, B, 2), as series.
  void add_losses(const Tensor& losses, std::span<Attribution> attributions) const {
    auto found = losses.accessor<double, 3>();
    for (int64_t step = 0; step < losses.size(0); ++step) {
      for (int64_t i = 0; i < losses.size(1); ++i) {
        double cross_entropy = found[step][i][0], information = found[step][i][1];
        auto& series = attributions[static_cast<size_t>(i)].series;
        series[0].second.push_back(cross_entropy + beta_ * information);
        series[1].second.push_back(cross_entropy);
        series[2].second.push_back(information);
      }
    }
  }

  /// Only what belongs to a place of the image is in the map.
  void add_maps(const Tensor& places, std::array<int64_t, 2> image_size,
                std::vector<std::vector<Tensor>>& maps) const {
    for (size_t i = 0; i < maps.size(); ++i) {
      Tensor capacity = places[static_cast<int64_t>(i)].permute({2, 0, 1});
      maps[i].push_back(conventions_.map(capacity, image_size));
    }
  }

  void finish(const Tensor& capacity, const std::vector<std::vector<Tensor>>& maps,
              std::span<Attribution> attributions) const {
    for (size_t i = 0; i < attributions.size(); ++i) {
      Attribution& attribution = attributions[i];
      attribution.map = maps[i].back();
      if (keeps_capacity_) {
        attribution.tensors.emplace_back("capacity", capacity[static_cast<int64_t>(i)].cpu().contiguous());
      }
      if (keeps_steps_) attribution.tensors.emplace_back("stepMaps", at::stack(maps[i]));
    }
  }

  /// The layer for images of that size; it is kept for the next batch, which is mostly of the same.
  std::shared_ptr<const NoisedLayer> layer_for(std::array<int64_t, 2> image_size) const {
    std::lock_guard lock(mutex_);
    if (!layer_ || layer_size_ != image_size) {
      Grid grid = require_grid(network_.layer(statistics_.layer), statistics_.mean.sizes(), image_size);
      layer_ = std::make_shared<NoisedLayer>(network_, statistics_, grid, conventions_, kernel_);
      layer_size_ = image_size;
    }
    return layer_;
  }

  const Network& network_;
  const Conventions& conventions_;
  bool is_proximal_;
  double beta_;
  int64_t steps_;
  int64_t copies_;
  bool adapts_copies_;
  double learning_rate_;
  SmoothingKernel kernel_;
  bool keeps_capacity_;
  bool keeps_steps_;
  NeuronStatistics statistics_;
  Cut cut_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const NoisedLayer> layer_;
  mutable std::array<int64_t, 2> layer_size_{};
};

}  // namespace

MethodEntry per_sample_method() {
  return {
      "per-sample",
      "the information that a bottleneck in a layer has to let pass for the class, in bits",
      "Schulz et al. 2020, section 3.2",
      {text_option("layer", "where the bottleneck goes (default: the paper's place in the network)"),
       choice_option("preset",
                     "conventions of the authors' library, or of the paper's code; fast has the former with "
                     "adaptive copies (default: the statistics')",
                     preset_name(Preset::iba), {"iba", "paper", kFast})
           .without_default(),
       rows_option(kNoisedRows),
       choice_option(
           "solver",
           "how the mask is found: Adam is the paper's, proximal comes to a lower loss in as many steps",
           "adam", {"adam", "proximal"}),
       number_option("beta", "the price of information: higher shows less", 10, 0),
       whole_option("steps", "optimisation steps", 10, 1, 100'000),
       whole_option("copies", "noise copies of each image in each step", 10, 1, 10'000),
       choice_option(
           "copyPlan",
           "as many copies in each step of Adam, or few where the mask lets nearly everything pass, in "
           "pairs of opposite noise (default: constant, and adaptive in fast)",
           "constant", {"constant", "adaptive"})
           .without_default(),
       number_option("learningRate", "learning rate of Adam", 1, 0),
       number_option("sigma", "smoothing of the mask in neurons, 0 for none", 1, 0, 1000),
       number_option("minimumStd", "floor of the standard deviation in the iba preset", 0.01, kSmallestStd),
       flag_option("keepCapacity", "return the capacity of every neuron as well", false),
       flag_option("keepSteps", "return the map after every step as well", false)},
      make_method<PerSample>,
      {Resource::statistics},
      {.cpu = 1, .cuda = 16}};
}

}  // namespace iba
