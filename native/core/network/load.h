#pragma once

#include <filesystem>
#include <optional>

#include "network/zoo/zoo.h"

namespace iba {

/// How a network is to be made: from a file that holds all of it, or as one of the zoo, with the weights of a
/// file, whose shapes decide the options, or with seeded weights and these options.
struct LoadOptions {
  std::string architecture;
  /// A file that is the model, in place of all that follows, and the side of the images it is tried on.
  std::optional<std::filesystem::path> file;
  int64_t image_size = 224;
  std::optional<std::filesystem::path> weights;
  uint64_t seed = 0;
  ZooOptions zoo;
};

/// The network with its weights, on the CPU in plain layout. Throws MODEL or WEIGHTS.
Network load_network(const LoadOptions& options);

}  // namespace iba
