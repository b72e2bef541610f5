#pragma once

#include "network/weights/input_file.h"
#include "network/weights/weight_file.h"

namespace iba::weights {

/// Whether the file begins as a safetensors file does: the size of a header, then a brace.
bool looks_like_safetensors(const InputFile& file);

/// Reads the whole file. Tensors come in the order of the header.
WeightFile read_safetensors(const InputFile& file);

}  // namespace iba::weights
