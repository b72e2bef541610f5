#pragma once

#include <vector>

#include "network/network.h"

namespace iba {

/// A run of steps that is computed in one pass over memory: batch norm, the addition of a shortcut, and ReLU,
/// of which the addition may be absent; or a convolution, batch norm, the addition, and ReLU, of which any
/// may be absent. The values between them are never seen.
struct Fusion {
  size_t steps = 1;     // how many; 1 for a step on its own
  size_t addition = 0;  // which of them adds a shortcut, counted from the first; 0 if none does
  size_t shortcut = 0;  // which input of the addition is the shortcut
};

/// For each of the selected steps, the fusion that begins there. Values in `wanted`, or read elsewhere, stay
/// visible.
std::vector<Fusion> find_fusions(const Network& network, const std::vector<size_t>& steps,
                                 const std::vector<ValueId>& wanted);

}  // namespace iba
