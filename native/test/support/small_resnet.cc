#include "support/small_resnet.h"

#include "network/seeded_weights.h"
#include "network/zoo/zoo.h"

namespace iba::test {

Network small_resnet(at::Device device) {
  ZooOptions options;
  options.classes = 5;
  options.width = 8;
  Network network = build_network("resnet18", options);
  seed_weights(network, 0);
  network.to(device);
  return network;
}

Tensor small_images(int64_t count) {
  return seeded_normal("images", 0, {count, 3, 32, 32}, 1);
}

}  // namespace iba::test
