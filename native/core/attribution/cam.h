#pragma once

#include <array>
#include <vector>

#include "attribution/passes.h"
#include "network/grid.h"

namespace iba {

/// The layer whose channels a class activation map adds up: that of the option "layer", or the network's own
/// for Grad-CAM.
const Layer& cam_layer(const MethodContext& context);

/// Where the places of its activation (N, ...) lie. Throws MODEL where it has no height and width.
Grid cam_grid(const Layer& layer, const Tensor& activation, std::array<int64_t, 2> image_size);

/// Fills in the maps of attributions: what is positive of the sums over the channels (B, h, w) is `raw`, and
/// the map is that, enlarged to the image's size and divided by its maximum.
void add_cams(const Tensor& sums, std::array<int64_t, 2> image_size, std::vector<Attribution>& attributions);

/// "layer", beside the common options.
std::vector<OptionSpec> cam_options();

/// How a method adds up the channels of a layer (B, h, w), given their activation and gradient (B, C, h, w).
using ChannelSum = Tensor (*)(const Tensor& activation, const Tensor& gradient);

/// The channels, weighted by their mean gradient, as Grad-CAM does.
Tensor by_mean_gradient(const Tensor& activation, const Tensor& gradient);

/// A class activation map from one pass forward and back to the layer.
class GradientCam : public Method {
 public:
  GradientCam(const MethodContext& context, ChannelSum sum);

  std::vector<Attribution> attribute(const Batch& batch) const override;

  /// The same as a part of other work, of which it takes `runs_of(batch)` steps.
  std::vector<Attribution> attribute(const Batch& batch, Steps& steps) const;

 private:
  const Layer& layer_;
  BackwardPass pass_;
  ChannelSum sum_;
};

}  // namespace iba
