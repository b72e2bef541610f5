#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

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

/// Reads a safetensors file or a file that torch.save wrote; the content decides which. Of a torch.save file
/// it takes the dict of tensors at the top, or under "state_dict" or "model", without a "module." that all
/// names share; other entries beside the tensors are passed over. Nothing in the file is executed.
/// Throws Error "WEIGHTS" for anything that is not such a file.
WeightFile read_weight_file(const std::filesystem::path& path);

/// Writes a safetensors file: float 16, 32 and 64, bfloat16, int32, int64, uint8 and bool. It is written
/// beside the target, brought to the disk and renamed, so that a killed run leaves no half file. The header
/// names the tensors in the given order. Throws Error "WEIGHTS".
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace iba
