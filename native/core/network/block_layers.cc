#include "network/block_layers.h"

#include <algorithm>
#include <optional>

#include "error.h"
#include "network/graph.h"

namespace iba {

namespace {

bool is_number(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// A name with its last number, such as that of a block, taken apart: `layer`, 3, `.conv1`.
struct NumberedName {
  std::string before;
  int64_t number = 0;
  std::string after;

  static std::optional<NumberedName> of(const std::string& name) {
    size_t end = name.find_last_of("0123456789");
    if (end == std::string::npos) return std::nullopt;
    size_t begin = end;
    while (begin > 0 && is_number(name.substr(begin - 1, 1))) --begin;
    // More digits than any network has blocks are no number of a block.
    if (end - begin >= 6) return std::nullopt;
    return NumberedName{name.substr(0, begin), std::stoll(name.substr(begin, end + 1 - begin)),
                        name.substr(end + 1)};
  }
};

/// The layer norm that a block begins with, or the block itself.
std::string normed_entry(const Network& network, const std::string& block) {
  for (const auto& layer : network.layers) {
    if (!layer.name.starts_with(block + ".")) continue;
    return layer.kind == "LayerNorm" ? layer.name : block;
  }
  return block;
}

}  // namespace

std::vector<std::string> block_layers(const Network& network) {
  const Layer& first = network.layer(network.bottleneck_layer);
  auto wanted = NumberedName::of(first.name);
  if (!wanted) return {first.name};
  std::vector<std::string> names;
  for (const auto& layer : network.layers) {
    auto found = NumberedName::of(layer.name);
    if (!found || layer.kind != first.kind || found->before != wanted->before ||
        found->after != wanted->after || found->number < wanted->number)
      continue;
    names.push_back(normed_entry(network, layer.name));
  }
  return names;
}

ValueId block_input(const Network& network, const std::string& block) {
  auto from_input = values_computed_from(network, network.input, Through::gradients);
  std::vector<bool> is_own(network.value_count, false);
  std::vector<ValueId> read;
  for (const auto& step : network.steps) {
    if (step.module != block && !step.module.starts_with(block + ".")) continue;
    is_own[step.output] = true;
    for (ValueId input : step.inputs) {
      bool is_new = std::find(read.begin(), read.end(), input) == read.end();
      if (!is_own[input] && from_input[input] && is_new) read.push_back(input);
    }
  }
  if (read.size() == 1) return read[0];
  throw Error(ErrorCode::model,
              "'" + block + "' reads " + std::to_string(read.size()) +
                  " values of the network, expected a block that reads one, such as that of a "
                  "transformer. Choose another layer.");
}

}  // namespace iba
