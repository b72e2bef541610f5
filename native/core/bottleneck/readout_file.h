#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "bottleneck/readout.h"
#include "weights/weight_file.h"

namespace iba {

/// Writes a readout as safetensors with metadata, beside what else is to be kept with it. Throws WEIGHTS.
void write_readout(const std::filesystem::path& path, const Readout& readout,
                   const NamedTensors& more_tensors = {},
                   const std::map<std::string, std::string>& more_metadata = {});

/// Reads a readout for a network, on the CPU: a file that `write_readout` wrote, or one that the paper's
/// authors published (readout_resnet50_epoch20.torch and its like, for the default place in that network).
/// Throws WEIGHTS.
Readout read_readout(const std::filesystem::path& path, const Network& network);

}  // namespace iba
