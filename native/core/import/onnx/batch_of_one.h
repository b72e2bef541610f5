#pragma once

#include <vector>

#include "import/onnx/call.h"

namespace iba::imported::onnx {

/// Many files are exported for a single image, whose number stands in their shapes as a plain one. What these
/// shapes are for more images follows from the sizes that a single image gives: the dimension of the batch is
/// the one that differs. That the outputs then are those of each image alone is checked on the whole network.

/// A shape that an input is brought to, with the batch in place of the number that one image gives.
std::vector<Item> for_any_batch(Call& call, const Item& input, std::vector<Item> shape);

/// Repeats constants of one row for each image, where they are put beside what is computed from images.
void repeat_for_batch(Call& call, std::vector<Item>& tensors);

}  // namespace iba::imported::onnx
