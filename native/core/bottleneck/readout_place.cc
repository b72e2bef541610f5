#include "bottleneck/readout_place.h"

#include <algorithm>

#include "error.h"

namespace iba {

namespace {

bool has_layer(const Network& network, const std::string& name) {
  return std::any_of(network.layers.begin(), network.layers.end(),
                     [&](const Layer& layer) { return layer.name == name; });
}

/// The convolutions between one max-pool and the next.
std::vector<std::vector<std::string>> convolution_blocks(const Network& network) {
  std::vector<std::vector<std::string>> blocks(1);
  for (const auto& step : network.steps) {
    if (std::holds_alternative<Convolution>(step.operation)) blocks.back().push_back(step.module);
    if (std::holds_alternative<MaxPool>(step.operation)) blocks.emplace_back();
  }
  return blocks;
}

}  // namespace

ReadoutPlace default_readout_place(const Network& network) {
  if (has_layer(network, "layer1") && has_layer(network, "layer4") && has_layer(network, "fc")) {
    return {"layer1", {"layer1", "layer2", "layer3", "layer4", "fc"}};
  }
  auto blocks = convolution_blocks(network);
  if (has_layer(network, "classifier.6") && blocks.size() == 6 && blocks[4].size() > 1) {
    return {blocks[2].front(),
            {blocks[2].front(), blocks[3].front(), blocks[4].front(), blocks[4].back(), "classifier.6"}};
  }
  throw Error(ErrorCode::model, "There is no usual place for a readout bottleneck in " +
                                    network.architecture +
                                    ". Give the layer that it goes into and the layers that it reads.");
}

}  // namespace iba
