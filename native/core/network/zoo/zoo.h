#pragma once

#include <optional>
#include <string>
#include <vector>

#include "network/network.h"

namespace iba {

/// What can be chosen about a network of the zoo; the defaults are torchvision's.
struct ZooOptions {
  int64_t classes = 1000;
  int64_t input_channels = 3;
  /// Channels of the first convolution, where it isn't the published number; all other widths are in
  /// proportion.
  std::optional<int64_t> width = std::nullopt;
  /// Units of the hidden linear layers (VGG only).
  int64_t hidden = 4096;
};

/// A family of architectures of the zoo, with its names.
struct ZooEntry {
  std::string name;
  std::string family;
  std::string bottleneck_layer;
};

/// All architectures, in the order they are shown to users.
std::vector<ZooEntry> zoo_entries();

/// Throws MODEL with the nearest names where there is no architecture of that name.
void check_architecture(const std::string& architecture);

/// Builds the named architecture with the module and parameter names of its Python package, torchvision or
/// `efficientnet_lite_pytorch`; weights are not set. Throws MODEL for an unknown name or a width that is too
/// small.
Network build_network(const std::string& architecture, const ZooOptions& options);

/// The options under which these tensors fit the architecture, read off the shapes of its first and last
/// layers.
ZooOptions options_from_weights(const std::string& architecture,
                                const std::vector<std::pair<std::string, Tensor>>& tensors);

}  // namespace iba
