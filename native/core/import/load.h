#pragma once

#include <filesystem>
#include <optional>

#include "network/zoo/zoo.h"

namespace iba {

/// How a network of the zoo is to be made: with the weights of a file, whose shapes decide the options, or
/// with seeded weights and these options.
struct LoadOptions {
  std::string architecture;
  std::optional<std::filesystem::path> weights;
  uint64_t seed = 0;
  OutputKind outputs = OutputKind::classes;
  ZooOptions zoo;
};

/// The network with its weights, on the CPU in plain layout. Its notes say how the weights were found in
/// their file. Throws MODEL or WEIGHTS.
Network load_network(const LoadOptions& options);

}  // namespace iba
