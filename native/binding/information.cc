#include "bottleneck/information.h"

#include "arguments.h"
#include "module.h"
#include "network/seeded_weights.h"

namespace iba::binding {

namespace {

/// (α, r', [C, h, w], σ) in double precision → the capacity, and the gradient of its sum with respect to α.
Napi::Value information(const Napi::CallbackInfo& info) {
  at::NoGradGuard no_grad;
  auto shape = shape_argument(info[2]);
  if (shape.size() != 3) throw Error("INVALID_ARGUMENT", "Expected a shape of three numbers.");
  at::Tensor alpha = double_tensor_argument(info[0], shape, "alpha");
  at::Tensor normalised = double_tensor_argument(info[1], shape, "activation");
  Grid grid{Grid::Form::image, 0, shape[1], shape[2]};
  Smoothing smoothing(number_argument(info[3], "sigma", 0, 1000), grid, alpha.options());

  alpha = alpha.permute({1, 2, 0}).unsqueeze(0).contiguous();
  normalised = normalised.permute({1, 2, 0}).unsqueeze(0).contiguous();
  Mask mask = mask_of(alpha, smoothing);
  Tensor gradient = mask_backward(alpha, smoothing, capacity_derivative(normalised, mask));
  auto result = Napi::Object::New(info.Env());
  result.Set("capacity", to_double_array(info.Env(), capacity(normalised, mask)[0].permute({2, 0, 1})));
  result.Set("gradient", to_double_array(info.Env(), gradient[0].permute({2, 0, 1})));
  return result;
}

/// (name, seed, shape) → standard normal numbers, the same wherever they are made.
Napi::Value seeded_noise(const Napi::CallbackInfo& info) {
  at::NoGradGuard no_grad;
  auto seed = static_cast<uint64_t>(integer_argument(info[1], "seed"));
  return to_float_array(info.Env(),
                        seeded_normal(string_argument(info[0], "name"), seed, shape_argument(info[2]), 1.0));
}

}  // namespace

void export_information(Napi::Object exports) {
  export_function<information>(exports, "information");
  export_function<seeded_noise>(exports, "seededNormal");
}

}  // namespace iba::binding
