#pragma once

#include "network/network.h"
#include "network/rule.h"

namespace iba {

/// The rules of DeepLIFT (Shrikumar et al. 2017) for each step of a network. Rows go through in pairs: the
/// images in the first half, their baselines, in the same order, in the second. What goes back are
/// multipliers m, the same in both halves, with Σ m·(x − x') = y − y' over the inputs of each step:
/// - functions of one value: Δy/Δx (the rescale rule), and the derivative where |Δx| < 1e-10;
/// - max pools: what the output gained goes to the image's winner, what it lost to the baseline's, over Δx;
/// - what is linear: the derivative;
/// - all else, such as products, norms and attention: the mean derivative on the way from baseline to image,
///   which for products is exact and for the rest a quadrature.
StepRules deep_lift_rules(const Network& network);

}  // namespace iba
