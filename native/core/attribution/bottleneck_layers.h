#pragma once

#include <functional>
#include <memory>
#include <mutex>
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

/// Attributions by a bottleneck at one layer: for each image a mask is optimised, and its capacity is the
/// map.
std::vector<Attribution> explain_masked(const Network& network, const Cut& cut, const NoisedLayer& layer,
                                        const MaskSettings& settings, const Batch& batch);

/// The same as a part of other work: it takes `masked_steps` of its steps.
std::vector<Attribution> explain_masked(const Network& network, const Cut& cut, const NoisedLayer& layer,
                                        const MaskSettings& settings, const Batch& batch, Steps& steps);
int64_t masked_steps(const Network& network, const MaskSettings& settings, const Batch& batch);

}  // namespace iba
