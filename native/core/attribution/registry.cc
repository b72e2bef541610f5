#include "attribution/registry.h"

#include <algorithm>

#include "attribution/methods/methods.h"
#include "error.h"
#include "io/text.h"
#include "network/tokens.h"

namespace iba {

const std::vector<MethodEntry>& methods() {
  static const std::vector<MethodEntry> all = {
      per_sample_method(),
      readout_method(),
      coiba_method(),
      multi_layer_method(),
      input_iba_method(),
      m2ib_method(),
      gradient_method(),
      saliency_method(),
      gradient_times_input_method(),
      smoothgrad_method(),
      integrated_gradients_method(),
      guided_ig_method(),
      blur_ig_method(),
      gradient_shap_method(),
      full_grad_method(),
      deep_lift_method(),
      deep_shap_method(),
      guided_backprop_method(),
      deconvnet_method(),
      grad_cam_method(),
      guided_grad_cam_method(),
      grad_cam_plus_plus_method(),
      hires_cam_method(),
      layer_cam_method(),
      xgrad_cam_method(),
      eigen_cam_method(),
      ablation_cam_method(),
      score_cam_method(),
      finer_cam_method(),
      occlusion_method(),
      occlusion_8_method(),
      occlusion_14_method(),
      rise_method(),
      extremal_perturbation_method(),
      lime_method(),
      kernel_shap_method(),
      xrai_method(),
      lrp_method(),
      attention_rollout_method(),
      generic_attention_method(),
      pattern_net_method(),
      pattern_attribution_method(),
      random_method(),
      zero_method(),
  };
  return all;
}

const MethodEntry& find_method(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& entry : methods()) {
    if (entry.name == name) return entry;
    names.push_back(entry.name);
  }
  throw Error(ErrorCode::invalid_argument,
              "There is no method '" + name + "'. The nearest names are: " + io::nearest(name, names) + ".");
}

void check_takes_input(const MethodEntry& entry, const Network& network) {
  // Those that mask or differentiate what a layer makes of the tokens; there is nothing between two ids.
  static const std::vector<std::string> kOfTokens = {
      "per-sample", "coiba",    "multi-layer",      "m2ib",
      "gradient",   "saliency", "gradient-x-input", "integrated-gradients"};
  if (!takes_tokens(network)) return;
  if (std::find(kOfTokens.begin(), kOfTokens.end(), entry.name) != kOfTokens.end()) return;
  throw Error(ErrorCode::invalid_argument,
              "The method '" + entry.name + "' works on the pixels of images, and this " +
                  network.architecture + " takes token ids. Choose one of: " + io::joined(kOfTokens) + ".");
}

}  // namespace iba
