#include <cmath>

#include "attribution/cam.h"
#include "attribution/methods/methods.h"

namespace iba {

namespace {

/// Ends of a component that differ by less are equally far out.
constexpr double kSameReach = 1e-6;

/// The places of an activation (C, h, w), less their mean, along the direction in which they differ most.
Tensor first_component(const Tensor& activation) {
  Tensor places = activation.to(at::kCPU, at::kDouble).flatten(1).t();
  Tensor centred = places - places.mean(0, true);
  if (centred.size(0) > centred.size(1)) {
    Tensor vectors = std::get<1>(at::linalg_eigh(centred.t().matmul(centred)));
    return centred.matmul(vectors.select(1, -1));
  }
  auto [values, vectors] = at::linalg_eigh(centred.matmul(centred.t()));
  return vectors.select(1, -1) * values.select(0, -1).clamp_min(0).sqrt();
}

/// A direction has no sign of its own: the places that are furthest out are positive, and where both ends
/// are equally far out those with more activation.
Tensor signed_component(const Tensor& activation) {
  Tensor component = first_component(activation);
  auto lowest = -component.min().item<double>(), highest = component.max().item<double>();
  bool flips = lowest > highest;
  if (std::abs(lowest - highest) <= kSameReach * std::abs(highest)) {
    Tensor total = activation.to(at::kCPU, at::kDouble).sum(0).flatten();
    flips = component.dot(total).item<double>() < 0;
  }
  return (flips ? -component : component).view({activation.size(1), activation.size(2)});
}

class EigenCam : public Method {
 public:
  explicit EigenCam(const MethodContext& context)
      : network_(context.network), layer_(cam_layer(context)), cut_(context.network, layer_.value) {}

  std::vector<Attribution> attribute(const Batch& batch) const override {
    Steps steps(batch, runs_of(batch));
    Targets targets;
    std::vector<Tensor> components;
    for_each_run(batch.size(), batch.rows, [&](int64_t begin, int64_t end) {
      steps.check();
      Values values = cut_.before(batch.images.slice(0, begin, end));
      const Tensor& activation = values[cut_.at()];
      choose_targets(network_, batch, begin, cut_.after(values, activation), targets);
      Tensor images = cam_grid(layer_, activation, batch.image_size()).to_image(activation).cpu();
      for (const auto& image : images.unbind()) components.push_back(signed_component(image));
      steps.finish();
    });
    std::vector<Attribution> attributions;
    for (int64_t b = 0; b < batch.size(); ++b) attributions.push_back(targets.attribution(b));
    add_cams(at::stack(components), batch.image_size(), attributions);
    return attributions;
  }

 private:
  const Network& network_;
  const Layer& layer_;
  Cut cut_;
};

}  // namespace

MethodEntry eigen_cam_method() {
  return {
      "eigen-cam",
      "the places of a layer along the direction in which they differ most, whatever the class: the first "
      "principal component",
      "Muhammad and Yeasin 2020; its sign: Chung and Ying 2025", cam_options(), make_method<EigenCam>};
}

}  // namespace iba
