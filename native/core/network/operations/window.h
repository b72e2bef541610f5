#pragma once

#include <optional>

#include "network/step_state.h"

namespace iba {

/// What each output of an operation reads of its input, at every place in the same way.
struct Window {
  Pair extent;
  Pair stride;
  Pair padding;
  double beyond_border = 0;
};

/// How far a kernel with gaps reaches.
inline Pair dilated(Pair kernel, Pair dilation) {
  return {(kernel[0] - 1) * dilation[0] + 1, (kernel[1] - 1) * dilation[1] + 1};
}

}  // namespace iba
