#include "support/small_networks.h"

#include "network/precision.h"
#include "network/seeded_weights.h"
#include "network/zoo/zoo.h"

namespace iba::test {

Network small_zoo_network(const std::string& architecture) {
  ZooOptions options;
  options.classes = 5;
  options.width = 8;
  options.hidden = 16;
  Network network = build_network(architecture, options);
  seed_weights(network, 0);
  return network;
}

Network small_resnet(at::Device device) {
  Network network = small_zoo_network("resnet18");
  network.to(device);
  return in_precision(std::move(network), at::kFloat);
}

bool needs_transformer(const std::string& method) {
  return method == "attention-rollout" || method == "generic-attention";
}

Tensor small_images(int64_t count) {
  return seeded_normal("images", 0, {count, 3, 32, 32}, 1);
}

}  // namespace iba::test
