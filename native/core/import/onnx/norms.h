#pragma once

#include "import/onnx/call.h"

namespace iba::imported::onnx {

/// The norm of a tensor over its dimensions from the attribute `axis` on, with the node's inputs of these
/// numbers as weight and bias.
Item layer_norm_of(Call& call, const Item& input, size_t weight, size_t bias, double epsilon = 1e-5);

/// The same by the root of the mean square, without a mean and a bias.
Item rms_norm_of(Call& call, const Item& input, size_t weight, double epsilon = 1e-5);

}  // namespace iba::imported::onnx
