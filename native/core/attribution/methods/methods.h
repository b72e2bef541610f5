#pragma once

#include "attribution/method.h"

namespace iba {

/// One entry for each method of the registry; each is defined by a file of this folder. What a method does,
/// and where it was published, is said by its entry.
MethodEntry per_sample_method();
MethodEntry coiba_method();
MethodEntry multi_layer_method();
MethodEntry input_iba_method();
MethodEntry m2ib_method();
MethodEntry readout_method();
MethodEntry gradient_method();
MethodEntry saliency_method();
MethodEntry gradient_times_input_method();
MethodEntry smoothgrad_method();
MethodEntry integrated_gradients_method();
MethodEntry guided_ig_method();
MethodEntry blur_ig_method();
MethodEntry gradient_shap_method();
MethodEntry full_grad_method();
MethodEntry deep_lift_method();
MethodEntry deep_shap_method();
MethodEntry guided_backprop_method();
MethodEntry deconvnet_method();
MethodEntry grad_cam_method();
MethodEntry guided_grad_cam_method();
MethodEntry grad_cam_plus_plus_method();
MethodEntry hires_cam_method();
MethodEntry layer_cam_method();
MethodEntry xgrad_cam_method();
MethodEntry eigen_cam_method();
MethodEntry ablation_cam_method();
MethodEntry score_cam_method();
MethodEntry finer_cam_method();
MethodEntry occlusion_method();
MethodEntry occlusion_8_method();
MethodEntry occlusion_14_method();
MethodEntry rise_method();
MethodEntry extremal_perturbation_method();
MethodEntry lime_method();
MethodEntry kernel_shap_method();
MethodEntry xrai_method();
MethodEntry lrp_method();
MethodEntry attention_rollout_method();
MethodEntry generic_attention_method();
MethodEntry pattern_net_method();
MethodEntry pattern_attribution_method();
MethodEntry random_method();
MethodEntry zero_method();

}  // namespace iba
