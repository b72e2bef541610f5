#pragma once

#include <filesystem>

#include "io/safetensors.h"

namespace iba {

/// Reads a safetensors file or a file that torch.save wrote; the content decides which. Of a torch.save file
/// it takes the dict of tensors at the top, or under "state_dict" or "model", without a "module." that all
/// names share; other entries beside the tensors are passed over. Nothing in the file is executed.
/// Throws Error "WEIGHTS" for anything that is not such a file.
WeightFile read_weight_file(const std::filesystem::path& path);

}  // namespace iba
