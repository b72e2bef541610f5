#pragma once

#include <functional>
#include <vector>

#include "network/network.h"

namespace iba {

/// Changes a value on its way through one run of a network, such as by noise, and on the way back what
/// arrives for it. Both give new tensors.
struct Alteration {
  ValueId value;
  /// What the steps behind read in place of what a step made.
  std::function<Tensor(const Tensor& made)> forward;
  /// What goes back to that step, for the gradient with respect to what was read.
  std::function<Tensor(const Tensor& gradient)> backward;
};

using Alterations = std::vector<Alteration>;

}  // namespace iba
