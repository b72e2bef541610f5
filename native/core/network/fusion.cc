#include "network/fusion.h"

#include <algorithm>

#include "network/graph.h"

namespace iba {

namespace {

template <typename Op>
bool is(const Step& step) {
  return std::holds_alternative<Op>(step.operation);
}

bool is_unlimited_relu(const Step& step) {
  const auto* relu = std::get_if<Relu>(&step.operation);
  return relu && !relu->limit;
}

}  // namespace

std::vector<Fusion> find_fusions(const Network& network, const std::vector<size_t>& steps,
                                 const std::vector<ValueId>& wanted) {
  Graph graph(network, steps);
  auto is_private = [&](ValueId value) {
    return graph.readers(value).size() == 1 && std::find(wanted.begin(), wanted.end(), value) == wanted.end();
  };
  auto step_at = [&](size_t k) -> const Step* {
    return k < steps.size() ? &network.steps[steps[k]] : nullptr;
  };

  std::vector<Fusion> fusions(steps.size());
  for (size_t k = 0; k < steps.size(); ++k) {
    const Step& norm = *step_at(k);
    const Step* next = step_at(k + 1);
    if (!is<BatchNorm>(norm) || !next || !is_private(norm.output)) continue;
    if (is_unlimited_relu(*next) && next->inputs[0] == norm.output) {
      fusions[k] = {.steps = 2};
      continue;
    }
    const Step* last = step_at(k + 2);
    bool adds = is<Add>(*next) && next->inputs[0] != next->inputs[1] &&
                (next->inputs[0] == norm.output || next->inputs[1] == norm.output);
    if (adds && last && is_unlimited_relu(*last) && last->inputs[0] == next->output &&
        is_private(next->output)) {
      fusions[k] = {.steps = 3, .shortcut = next->inputs[0] == norm.output ? size_t{1} : size_t{0}};
    }
  }
  return fusions;
}

}  // namespace iba
