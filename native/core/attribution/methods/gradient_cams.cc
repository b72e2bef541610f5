#include "attribution/cam.h"
#include "attribution/methods/methods.h"

namespace iba {

namespace {

// As in the authors' code and in pytorch-grad-cam: where nothing is divided by, the quotient is small.
constexpr double kPlusPlusFloor = 1e-6;
constexpr double kSumFloor = 1e-7;

/// 0 where the divisor is.
Tensor quotient(const Tensor& dividend, const Tensor& divisor) {
  return at::where(divisor == 0, 0, dividend / divisor);
}

Tensor by_own_positive_gradient(const Tensor& activation, const Tensor& gradient) {
  return (gradient.clamp_min(0) * activation).sum(1);
}

Tensor by_own_gradient(const Tensor& activation, const Tensor& gradient) {
  return (gradient * activation).sum(1);
}

/// Equation 19 of the paper, for the exponential of the logit, whose constant factor is left out.
Tensor by_positive_gradients(const Tensor& activation, const Tensor& gradient) {
  Tensor square = gradient.square();
  Tensor divisor = 2 * square + activation.sum({2, 3}, true) * square * gradient + kPlusPlusFloor;
  Tensor weights = (quotient(square, divisor) * gradient.clamp_min(0)).sum({2, 3}, true);
  return (weights * activation).sum(1);
}

Tensor by_share_of_activation(const Tensor& activation, const Tensor& gradient) {
  Tensor weights = quotient(gradient * activation, activation.sum({2, 3}, true) + kSumFloor);
  return (weights.sum({2, 3}, true) * activation).sum(1);
}

template <ChannelSum sum>
std::unique_ptr<Method> make_cam(const MethodContext& context) {
  return std::make_unique<GradientCam>(context, sum);
}

}  // namespace

MethodEntry grad_cam_plus_plus_method() {
  return {
      "grad-cam-plus-plus",
      "Grad-CAM whose weights are sums of the positive gradients, so that several objects of a class count "
      "alike",
      "Chattopadhay et al. 2018", cam_options(), make_cam<by_positive_gradients>};
}

MethodEntry hires_cam_method() {
  return {"hires-cam",
          "the activation of each place of a layer times its own gradient, where the sum is positive",
          "Draelos and Carin 2020", cam_options(), make_cam<by_own_gradient>};
}

MethodEntry layer_cam_method() {
  return {
      "layer-cam",
      "the activation of each place of a layer times its own gradient where that is positive; also of early "
      "layers",
      "Jiang et al. 2021", cam_options(), make_cam<by_own_positive_gradient>};
}

MethodEntry xgrad_cam_method() {
  return {"xgrad-cam",
          "Grad-CAM whose weights are means of the gradient by each place's share of the activation",
          "Fu et al. 2020", cam_options(), make_cam<by_share_of_activation>};
}

}  // namespace iba
