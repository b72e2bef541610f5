#pragma once

#include <filesystem>

#include "io/safetensors.h"
#include "weights/state_dicts.h"

namespace iba {

/// Reads a safetensors file or a file that torch.save wrote; the content decides which. Of a torch.save file
/// it takes the most likely state dict (find_state_dicts), without a "module." that all names share; what
/// else is in it is passed over. Nothing in the file is executed. Throws Error "WEIGHTS" for anything that is
/// not such a file.
WeightFile read_weight_file(const std::filesystem::path& path);

/// All dicts of tensors of such a file, under the names that it gives them: the only one of a safetensors
/// file, and those that find_state_dicts finds. Throws Error "WEIGHTS".
std::vector<StateDict> read_state_dicts(const std::filesystem::path& path);

}  // namespace iba
