#pragma once

#include <string>

#include "network/network.h"

namespace iba::test {

/// A network of the zoo of 8 channels, 16 hidden units and 5 classes with seeded weights, as it is built.
Network small_zoo_network(const std::string& architecture);

/// A ResNet-18 of 8 channels and 5 classes with seeded weights, on a device.
Network small_resnet(at::Device device);

/// Whether a method follows the attention of transformers, of which the zoo has none.
bool needs_transformer(const std::string& method);

/// So many images (count, 3, 32, 32) for it, on the CPU, the same each time.
Tensor small_images(int64_t count);

}  // namespace iba::test
