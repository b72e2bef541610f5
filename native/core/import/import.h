#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>

#include "network/network.h"

namespace iba {

/// Which output of a model is explained, and what it means; what isn't said is found out.
struct OutputChoice {
  /// Its name, where there are several.
  std::optional<std::string> name = {};
  std::optional<OutputKind> kind = {};
};

/// A model from a file as a network: TorchScript (torch.jit.save), an exported program (torch.export.save) or
/// ONNX. It is executed on images of `image_size` (height, width), or on token ids where its input is of
/// whole numbers, to see what it computes; whether it takes others stands in `Network::image_size`. Throws
/// WEIGHTS for a file that is broken, and MODEL for a model that can't be a list of steps, naming what can't
/// and what to do.
Network import_network(const std::filesystem::path& path, std::array<int64_t, 2> image_size,
                       const OutputChoice& output = {});

}  // namespace iba
