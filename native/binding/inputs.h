#pragma once

#include "handles.h"

namespace iba::binding {

/// Throws INVALID_ARGUMENT where they are not what the model takes: images (N, C, H, W), or token ids
/// (N, 1, 1, T) of its vocabulary.
void check_inputs(const at::Tensor& inputs, const Model& model);

}  // namespace iba::binding
