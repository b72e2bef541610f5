#pragma once

#include <cstdint>
#include <vector>

#include "torch.h"

namespace iba::io {

/// The number of elements of `shape`. Throws Malformed for more than 64 dimensions, for a negative size and
/// for more than 2^33 elements, where a size of 0 hides no overflow of the others.
int64_t checked_numel(const std::vector<int64_t>& shape);

/// Makes every byte of a boolean tensor 0 or 1: others are undefined behaviour as soon as C++ looks at them.
void normalise_booleans(void* data, uint64_t bytes);

/// An uninitialised contiguous CPU tensor.
at::Tensor empty_tensor(const std::vector<int64_t>& shape, at::ScalarType type);

}  // namespace iba::io
