#pragma once

#include <string>
#include <vector>

#include "import/onnx/call.h"

namespace iba::imported::onnx {

/// x · sigmoid(alpha · x)
Item swish_of(Call& call, const Item& input, double alpha);

/// alpha · x + beta, between 0 and 1.
Item hard_sigmoid_of(Call& call, const Item& input, double alpha, double beta);

/// The activation function that onnxruntime's optimiser put into another node, with its parameters. Throws
/// MODEL for one that isn't read.
Item fused_activation(Call& call, const Item& input, const std::vector<double>& parameters);

}  // namespace iba::imported::onnx
