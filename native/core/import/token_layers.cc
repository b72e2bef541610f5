#include "import/token_layers.h"

#include <algorithm>
#include <cmath>

#include "error.h"
#include "import/blocks.h"
#include "network/interpreter.h"

namespace iba {

namespace {

/// Of the other rows, the mean share that must change less than that of the changed token. Where rows are no
/// tokens, it is a half.
constexpr double kLeastShare = 0.7;
constexpr int64_t kMostPositions = 8;

std::vector<Tensor> layer_activations(const Network& network, const Tensor& ids) {
  std::vector<ValueId> values;
  for (const auto& layer : network.layers) values.push_back(layer.value);
  return activations(network, ids, values);
}

bool may_be_tokens(const Tensor& activation, int64_t tokens) {
  return activation.dim() == 3 && activation.size(1) == tokens && activation.is_floating_point();
}

/// The share of the other rows (T) that changed less than the one at the position; equal ones count half.
double share_changed_less(const Tensor& changes, int64_t position) {
  if (changes.size(0) == 1) return 1;
  Tensor own = changes[position];
  Tensor others = at::cat({changes.slice(0, 0, position), changes.slice(0, position + 1)});
  Tensor won = (others < own).to(at::kDouble) + 0.5 * (others == own).to(at::kDouble);
  return won.mean().item<double>();
}

}  // namespace

void find_token_layers(Network& network, const Tensor& ids) {
  const int64_t tokens = ids.size(3);
  auto before = layer_activations(network, ids);
  std::vector<double> shares(before.size(), 0);
  const int64_t positions = std::min(tokens, kMostPositions);
  for (int64_t i = 0; i < positions; ++i) {
    const int64_t position = i * tokens / positions;
    Tensor changed = ids.clone();
    changed.select(3, position).bitwise_xor_(1);
    auto after = layer_activations(network, changed);
    for (size_t layer = 0; layer < before.size(); ++layer) {
      if (!may_be_tokens(before[layer], tokens)) continue;
      Tensor changes = (after[layer] - before[layer])[0].abs().sum(1);
      shares[layer] += share_changed_less(changes, position) / static_cast<double>(positions);
    }
  }
  for (size_t layer = 0; layer < before.size(); ++layer) {
    bool has_rows = may_be_tokens(before[layer], tokens) && shares[layer] >= kLeastShare;
    network.layers[layer].layout = {has_rows ? Layout::Form::tokens : Layout::Form::none};
  }
}

void choose_default_token_layers(Network& network) {
  auto places = find_parallel_blocks(network);
  for (size_t i = 0; places.empty() && i < network.layers.size(); ++i) {
    if (network.layers[i].layout.form == Layout::Form::tokens) places = {i};
  }
  if (places.empty()) {
    throw Error(ErrorCode::model,
                "The model has no layer with a row of values for each token, so that there is nowhere to see "
                "which of them it reads.");
  }
  const auto behind = std::lround(static_cast<double>(places.size()) * 10 / 12);
  const size_t index = static_cast<size_t>(std::max<int64_t>(behind, 1)) - 1;
  network.bottleneck_layer = outermost(network, network.layers[places[index]]).name;
  network.grad_cam_layer = network.bottleneck_layer;
}

}  // namespace iba
