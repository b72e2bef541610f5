#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>

#include "network/network.h"

namespace iba {

/// A model from a file as a network: TorchScript (torch.jit.save), an exported program (torch.export.save) or
/// ONNX. It is executed on images of `image_size` (height, width) to see what it computes; whether it takes
/// others stands in `Network::image_size`. `output` is the name of the output to explain, where there are
/// several. Throws WEIGHTS for a file that is broken, and MODEL for a model that
/// can't be a list of steps, naming what can't and what to do.
Network import_network(const std::filesystem::path& path, std::array<int64_t, 2> image_size,
                       const std::optional<std::string>& output = std::nullopt);

}  // namespace iba
