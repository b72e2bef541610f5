#pragma once

#include <string>

#include "network/network.h"

namespace iba {

/// Writes a network step by step. Each method adds one step that reads the given values and returns the value
/// it makes; parameters are allocated with their shapes, to be filled by `Network::load` or `seed_weights`.
class Builder {
 public:
  Builder(std::string architecture, int64_t input_channels, int64_t classes);

  ValueId input() const { return network_.input; }

  struct ConvolutionShape {
    int64_t in;
    int64_t out;
    int64_t kernel = 3;
    int64_t stride = 1;
    int64_t padding = 1;
    int64_t groups = 1;
    bool bias = false;
  };
  ValueId convolution(const std::string& module, ValueId x, const ConvolutionShape& shape);
  ValueId batch_norm(const std::string& module, ValueId x, int64_t channels, double epsilon = 1e-5);
  ValueId linear(const std::string& module, ValueId x, int64_t in, int64_t out);
  ValueId step(const std::string& module, Operation operation, std::vector<ValueId> inputs);

  /// Gives the value that a group of modules returns the group's name.
  void group(const std::string& name, const std::string& kind, ValueId value);

  /// The finished network, with repeated modules numbered.
  Network finish(ValueId output, std::string bottleneck_layer, std::string grad_cam_layer);

 private:
  Network network_;
  std::vector<std::pair<size_t, Layer>> groups_;  // after how many steps the group ends
};

}  // namespace iba
