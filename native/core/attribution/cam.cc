#include "attribution/cam.h"

#include "error.h"
#include "image/enlarge.h"

namespace iba {

namespace {

constexpr double kMaximumFloor = 1e-5;

}  // namespace

const Layer& cam_layer(const MethodContext& context) {
  const auto& options = context.options;
  return context.network.layer(options.has("layer") ? options.text("layer") : context.network.grad_cam_layer);
}

Grid cam_grid(const Layer& layer, const Tensor& activation, std::array<int64_t, 2> image_size) {
  Grid grid = require_grid(layer, activation.sizes().slice(1), image_size);
  if (grid.form != Grid::Form::vector) return grid;
  throw Error(ErrorCode::model, "A class activation map needs a layer with a height and a width, which '" +
                                    layer.name + "' has not. Choose another one.");
}

void add_cams(const Tensor& sums, std::array<int64_t, 2> image_size, std::vector<Attribution>& attributions) {
  Tensor maps = sums.clamp_min(0).to(at::kCPU, at::kFloat);
  for (size_t b = 0; b < attributions.size(); ++b) {
    auto& attribution = attributions[b];
    Tensor sum = maps[static_cast<int64_t>(b)];
    attribution.raw = sum.unsqueeze(0).contiguous();
    Tensor map = enlarge(sum, image_size);
    attribution.map = map / (map.max().item<double>() + kMaximumFloor);
  }
}

std::vector<OptionSpec> cam_options() {
  return with_common_options({text_option(
      "layer", "where the channels are read (default: the last layer with a height and a width)")});
}

Tensor by_mean_gradient(const Tensor& activation, const Tensor& gradient) {
  return (gradient.mean({2, 3}, true) * activation).sum(1);
}

GradientCam::GradientCam(const MethodContext& context, ChannelSum sum)
    : layer_(cam_layer(context)), pass_(context.network, layer_.value), sum_(sum) {}

std::vector<Attribution> GradientCam::attribute(const Batch& batch) const {
  Steps steps(batch, runs_of(batch));
  return attribute(batch, steps);
}

std::vector<Attribution> GradientCam::attribute(const Batch& batch, Steps& steps) const {
  auto found = pass_.run(batch, steps);
  Grid grid = cam_grid(layer_, found.activation, batch.image_size());
  std::vector<Attribution> attributions;
  for (int64_t b = 0; b < batch.size(); ++b) attributions.push_back(found.targets.attribution(b));
  Tensor sums = sum_(grid.to_image(found.activation), grid.to_image(found.arrived));
  add_cams(sums, batch.image_size(), attributions);
  return attributions;
}

}  // namespace iba
