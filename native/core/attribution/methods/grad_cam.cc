#include "attribution/methods/methods.h"

#include "attribution/passes.h"
#include "attribution/rules/gradient_rules.h"
#include "error.h"
#include "image/enlarge.h"
#include "network/grid.h"

namespace iba {

namespace {

constexpr double kMaximumFloor = 1e-5;

const Layer& chosen_layer(const Network& network, const Options& options) {
  const auto& name = options.has("layer") ? options.text("layer") : network.grad_cam_layer;
  return network.layer(name);
}

/// The channels of a layer, weighted by their mean gradient, where the sum is positive.
class GradCam : public Method {
 public:
  explicit GradCam(const MethodContext& context)
      : layer_(chosen_layer(context.network, context.options)),
        pass_(context.network, layer_.value),
        conventions_(context.options.conventions()) {}

  std::vector<Attribution> attribute(const Batch& batch) const override {
    Steps steps(batch, runs_of(batch));
    return attribute(batch, steps);
  }

  /// The same as a part of other work.
  std::vector<Attribution> attribute(const Batch& batch, Steps& steps) const {
    auto found = pass_.run(conventions_.grad_cam_of_prediction ? of_predicted_classes(batch) : batch, steps);
    Grid grid = grid_of_layer(found.activation, batch.image_size());
    Tensor weights = grid.to_image(found.arrived).mean({2, 3}, true);
    Tensor maps = (weights * grid.to_image(found.activation)).sum(1).relu_().cpu();
    std::vector<Attribution> attributions;
    for (int64_t b = 0; b < batch.size(); ++b) {
      Attribution attribution = found.targets.attribution(b);
      attribution.raw = maps[b].unsqueeze(0).contiguous();
      Tensor map = enlarge(maps[b], batch.image_size());
      attribution.map = map / (map.max().item<double>() + kMaximumFloor);
      attributions.push_back(std::move(attribution));
    }
    return attributions;
  }

 private:
  static Batch of_predicted_classes(Batch batch) {
    for (auto& request : batch.requests) request.target = -1;
    return batch;
  }

  Grid grid_of_layer(const Tensor& activation, std::array<int64_t, 2> image_size) const {
    Grid grid = require_grid(layer_, activation.sizes().slice(1), image_size);
    if (grid.form != Grid::Form::vector) return grid;
    throw Error(ErrorCode::model, "Grad-CAM needs a layer with a height and a width, which '" + layer_.name +
                                      "' has not. Choose another one.");
  }

  const Layer& layer_;
  BackwardPass pass_;
  const Conventions& conventions_;
};

class GuidedGradCam : public Method {
 public:
  explicit GuidedGradCam(const MethodContext& context)
      : rules_(guided_backprop_rules(context.network)),
        grad_cam_(context),
        guided_(context.network, context.network.input, rules_.rules) {}

  std::vector<Attribution> attribute(const Batch& batch) const override {
    Steps steps(batch, 2 * runs_of(batch));
    auto attributions = grad_cam_.attribute(batch, steps);
    Batch same_classes = batch;
    for (size_t b = 0; b < attributions.size(); ++b) same_classes.requests[b].target = attributions[b].target;
    Tensor guided = guided_.run(same_classes, steps).arrived;
    for (size_t b = 0; b < attributions.size(); ++b) {
      auto& attribution = attributions[b];
      attribution.raw = (guided[static_cast<int64_t>(b)].cpu() * attribution.map).contiguous();
      attribution.map = attribution.raw.abs().amax(0);
      add_checks(rules_, attribution);
    }
    return attributions;
  }

 private:
  ReluRules rules_;
  GradCam grad_cam_;
  BackwardPass guided_;
};

std::vector<OptionSpec> own_options() {
  return with_common_options({text_option(
      "layer", "where the channels are read (default: the last layer with a height and a width)")});
}

}  // namespace

MethodEntry grad_cam_method() {
  return {"grad-cam",
          "the channels of a layer, weighted by their mean gradient, where the sum is positive; the preset "
          "`paper` "
          "explains the predicted class",
          "Selvaraju et al. 2017", own_options(), make_method<GradCam>};
}

MethodEntry guided_grad_cam_method() {
  return {"guided-grad-cam", "Grad-CAM times guided backpropagation", "Selvaraju et al. 2017", own_options(),
          make_method<GuidedGradCam>};
}

}  // namespace iba
