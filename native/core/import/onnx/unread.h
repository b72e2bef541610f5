#pragma once

#include "import/onnx/graph.h"

namespace iba::imported::onnx {

/// Leaves out what a file names and no node reads: further outputs, such as the mask of a dropout or the
/// indices of a pool, and inputs, such as constants that tf2onnx folded into others.
void leave_out_unread(Model& model);

}  // namespace iba::imported::onnx
