#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "attribution/mask_optimisation.h"

namespace iba {

/// Activations are divided by standard deviations, and squared.
inline constexpr double kSmallestStd = 1e-12;

/// What is made for images of one size; it is kept for the next batch, which is mostly of the same.
template <typename T>
class PerImageSize {
 public:
  template <typename Make>
  std::shared_ptr<const T> for_size(std::array<int64_t, 2> size, Make make) const {
    std::lock_guard lock(mutex_);
    if (!made_ || size_ != size) {
      made_ = make(size);
      size_ = size;
    }
    return made_;
  }

 private:
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const T> made_;
  mutable std::array<int64_t, 2> size_{};
};

/// "minimumStd": what `statistics_of` reads.
OptionSpec minimum_std_option();

/// The statistics of a layer, as the conventions and the option `minimumStd` read them. Throws STATISTICS
/// where there are none of that layer.
NeuronStatistics statistics_of(const MethodContext& context, const std::string& layer,
                               const Conventions& conventions);

/// The layer for images of a size.
std::shared_ptr<const NoisedLayer> noised_layer(const Network& network, const NeuronStatistics& statistics,
                                                std::array<int64_t, 2> image_size,
                                                const MaskSettings& settings);

/// The layers of an option's text, separated by commas. Where there is none: from the paper's place on, the
/// layers that are named alike but for one number, of its kind; of blocks that begin with a layer norm, that
/// norm. Throws MODEL for an unknown layer.
std::vector<std::string> chosen_layers(const Options& options, const Network& network);

/// Explains a batch run by run, as many images together as the optimisation takes: what lies before the cut
/// runs once, and targets are chosen. `make_loss(values, begin, end)` gives the loss of the images from
/// `begin` to `end` with these values of the cut, and `explain(loss, begin, seeds, attributions)` fills in
/// theirs.
template <typename MakeLoss, typename Explain>
std::vector<Attribution> explain_runs(const Network& network, const Cut& cut,
                                      const MaskOptimisation& optimisation, const Batch& batch, Steps& steps,
                                      MakeLoss make_loss, Explain explain) {
  Targets targets;
  std::vector<Attribution> attributions;
  for_each_run(batch.size(), optimisation.images_for(batch.rows), [&](int64_t begin, int64_t end) {
    steps.check();
    Values values = cut.before(batch.images.slice(0, begin, end));
    choose_targets(network, batch, begin, cut.after(values, values[cut.at()]), targets);
    const BottleneckLoss loss = make_loss(values, begin, end);
    std::vector<uint64_t> seeds;
    for (int64_t b = begin; b < end; ++b) {
      attributions.push_back(targets.attribution(b));
      seeds.push_back(batch.requests[b].seed);
    }
    explain(loss, begin, seeds, std::span(attributions.begin() + begin, attributions.end()));
  });
  return attributions;
}

/// Gives α (B, h, w, C) that the masks of a batch's images from `begin` to `end` start with.
using InitialAlpha = std::function<Tensor(int64_t begin, int64_t end)>;

/// Attributions by a bottleneck at one layer: for each image a mask is optimised, and its capacity is the
/// map. Masks start as the settings say where nothing else does.
std::vector<Attribution> explain_masked(const Network& network, const Cut& cut, const NoisedLayer& layer,
                                        const MaskSettings& settings, const Batch& batch,
                                        const InitialAlpha& initial = {});

/// The same as a part of other work: it takes `masked_steps` of its steps.
std::vector<Attribution> explain_masked(const Network& network, const Cut& cut, const NoisedLayer& layer,
                                        const MaskSettings& settings, const Batch& batch, Steps& steps,
                                        const InitialAlpha& initial = {});
int64_t masked_steps(const Network& network, const MaskSettings& settings, const Batch& batch);

}  // namespace iba
