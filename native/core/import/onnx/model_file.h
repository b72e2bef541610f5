#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "import/onnx/graph.h"

namespace iba::imported::onnx {

/// Whether the file is an ONNX model, by its content: protobuf has no signature, but the fields tell. One
/// that was cut off is a model, too.
bool is_onnx(const std::filesystem::path& path);

/// Reads the file and those beside it that hold its tensors; nothing in them is executed. Throws WEIGHTS for
/// a broken file, and MODEL for what can't be explained.
Model read_onnx(const std::filesystem::path& path);

/// The files beside an ONNX model that hold values of its tensors, as seen from its folder, in alphabetical
/// order; none for other files. Throws WEIGHTS as reading does.
std::vector<std::string> external_files(const std::filesystem::path& path);

}  // namespace iba::imported::onnx
