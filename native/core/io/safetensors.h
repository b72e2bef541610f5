#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "io/input_file.h"
#include "torch.h"

namespace iba {

/// Tensors with their names, in the order of the file.
using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// What a weight file holds. The tensors lie on the CPU and are contiguous; several may share memory.
struct WeightFile {
  NamedTensors tensors;
  /// The "__metadata__" of a safetensors file; empty for the others.
  std::map<std::string, std::string> metadata;
  /// "safetensors", "pytorch-zip" or "pytorch-legacy".
  std::string format;
};

/// Writes a safetensors file: float 16, 32 and 64, bfloat16, int32, int64, uint8 and bool. It is written
/// beside the target, brought to the disk and renamed, so that a killed run leaves no half file. The header
/// names the tensors in the given order. Throws Error "WEIGHTS".
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata);

namespace io {

/// Whether the file begins as a safetensors file does: the size of a header, then a brace.
bool looks_like_safetensors(const InputFile& file);

/// Reads the whole file. Tensors come in the order of the header.
WeightFile read_safetensors(const InputFile& file);

}  // namespace io

}  // namespace iba
