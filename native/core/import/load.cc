#include "import/load.h"

#include "network/seeded_weights.h"
#include "weights/weight_file.h"

namespace iba {

Network load_network(const LoadOptions& options) {
  if (!options.weights) {
    Network network = build_network(options.architecture, options.zoo);
    seed_weights(network, options.seed);
    return network;
  }
  auto file = read_weight_file(*options.weights);
  Network network =
      build_network(options.architecture, options_from_weights(options.architecture, file.tensors));
  network.load(file.tensors);
  return network;
}

}  // namespace iba
