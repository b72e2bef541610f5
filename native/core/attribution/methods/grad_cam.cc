#include "attribution/cam.h"
#include "attribution/methods/methods.h"
#include "attribution/rules/gradient_rules.h"

namespace iba {

namespace {

/// The channels of a layer, weighted by their mean gradient, where the sum is positive.
class GradCam : public Method {
 public:
  explicit GradCam(const MethodContext& context)
      : cam_(context, by_mean_gradient),
        of_prediction_(context.options.conventions().grad_cam_of_prediction) {}

  std::vector<Attribution> attribute(const Batch& batch) const override {
    Steps steps(batch, runs_of(batch));
    return attribute(batch, steps);
  }

  /// The same as a part of other work.
  std::vector<Attribution> attribute(const Batch& batch, Steps& steps) const {
    return cam_.attribute(of_prediction_ ? of_predicted_classes(batch) : batch, steps);
  }

 private:
  static Batch of_predicted_classes(Batch batch) {
    for (auto& request : batch.requests) request.target = {};
    return batch;
  }

  GradientCam cam_;
  bool of_prediction_;
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

}  // namespace

MethodEntry grad_cam_method() {
  return {"grad-cam",
          "the channels of a layer, weighted by their mean gradient, where the sum is positive; the preset "
          "`paper` "
          "explains the predicted class",
          "Selvaraju et al. 2017", cam_options(), make_method<GradCam>};
}

MethodEntry guided_grad_cam_method() {
  return {"guided-grad-cam", "Grad-CAM times guided backpropagation", "Selvaraju et al. 2017", cam_options(),
          make_method<GuidedGradCam>};
}

}  // namespace iba
