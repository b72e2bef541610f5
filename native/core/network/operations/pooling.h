#pragma once

#include "network/operations/window.h"

namespace iba {

struct MaxPool {
  static constexpr const char* kind() { return "max-pool"; }
  static constexpr size_t input_count = 1;

  Pair kernel{2, 2};
  Pair stride{2, 2};
  Pair padding{0, 0};
  Pair dilation{1, 1};
  bool ceil_mode = false;

  std::optional<Window> window() const;

  Tensor forward(std::vector<Tensor>& inputs, StepState* state) const;
  std::vector<Tensor> backward(const StepState& state, Tensor gradient) const;
};

struct AveragePool {
  static constexpr const char* kind() { return "average-pool"; }
  static constexpr size_t input_count = 1;

  Pair kernel{2, 2};
  Pair stride{2, 2};
  Pair padding{0, 0};
  bool ceil_mode = false;
  bool count_include_pad = true;

  std::optional<Window> window() const;

  Tensor forward(std::vector<Tensor>& inputs, StepState* state) const;
  std::vector<Tensor> backward(const StepState& state, Tensor gradient) const;
};

struct AdaptiveAveragePool {
  static constexpr const char* kind() { return "average-pool"; }
  static constexpr size_t input_count = 1;

  Pair size{1, 1};

  Tensor forward(std::vector<Tensor>& inputs, StepState* state) const;
  std::vector<Tensor> backward(const StepState& state, Tensor gradient) const;
};

}  // namespace iba
