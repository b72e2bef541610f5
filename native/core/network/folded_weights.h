#pragma once

#include <map>

#include "network/network.h"

namespace iba {

/// Every batch norm that alone follows a convolution or linear layer: its step by the step of that.
std::map<size_t, size_t> norms_behind_sums(const Network& network);

/// Of a weighted sum and the batch norm behind it as one weighted sum, computed in double precision and
/// rounded to the types of the weight and of the batch norm.
Weights folded_weights(const Weights& weights, const BatchNorm& norm);

}  // namespace iba
