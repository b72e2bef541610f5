#pragma once

#include <memory>

#include "io/input_file.h"
#include "weights/pickle_node.h"

namespace iba::weights {

using io::InputFile;

/// Whether the file is a zip archive, as torch.save writes since PyTorch 1.6.
bool looks_like_zip(const InputFile& file);

/// Whether the file begins with the number that torch.save wrote before PyTorch 1.6.
bool looks_like_legacy_stream(const InputFile& file);

pickle::Value read_pytorch_zip(const InputFile& file, const std::string& file_name);
pickle::Value read_legacy_stream(const InputFile& file, const std::string& file_name);

}  // namespace iba::weights
