#pragma once

#include <vector>

#include "network/network.h"

namespace iba {

/// A run of steps that is computed in one pass over memory: batch norm and ReLU, or batch norm, the addition
/// of a shortcut, and ReLU. The values between them are never seen.
struct Fusion {
  size_t steps = 1;     // how many; 1 for a step on its own
  size_t shortcut = 0;  // which input of the addition is the shortcut, if there is an addition
};

/// For each of the selected steps, the fusion that begins there. Values in `wanted`, or read elsewhere, stay
/// visible.
std::vector<Fusion> find_fusions(const Network& network, const std::vector<size_t>& steps,
                                 const std::vector<ValueId>& wanted);

}  // namespace iba
