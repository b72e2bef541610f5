#include "network/graph.h"

namespace iba {

namespace {

bool passes(const Step& step, Through through) {
  return through == Through::all || !makes_number(step.operation);
}

}  // namespace

Graph::Graph(const Network& network) : makers_(network.value_count), readers_(network.value_count) {
  for (size_t i = 0; i < network.steps.size(); ++i) add(i, network.steps[i]);
}

Graph::Graph(const Network& network, const std::vector<size_t>& steps)
    : makers_(network.value_count), readers_(network.value_count) {
  for (size_t k = 0; k < steps.size(); ++k) add(k, network.steps[steps[k]]);
}

void Graph::add(size_t position, const Step& step) {
  makers_[step.output] = position;
  for (ValueId input : step.inputs) readers_[input].push_back(position);
}

std::optional<size_t> Graph::last_use(ValueId value) const {
  return readers_[value].empty() ? makers_[value] : readers_[value].back();
}

const Step* maker_of(const Network& network, ValueId value) {
  auto maker = Graph(network).maker(value);
  return maker ? &network.steps[*maker] : nullptr;
}

std::vector<bool> values_needed_for(const Network& network, const std::vector<ValueId>& wanted,
                                    Through through) {
  std::vector<bool> needed(network.value_count, false);
  for (ValueId value : wanted) needed[value] = true;
  for (auto step = network.steps.rbegin(); step != network.steps.rend(); ++step) {
    if (!needed[step->output] || !passes(*step, through)) continue;
    for (ValueId input : step->inputs) needed[input] = true;
  }
  return needed;
}

std::vector<bool> values_computed_from(const Network& network, ValueId from, Through through) {
  std::vector<bool> depends(network.value_count, false);
  depends[from] = true;
  for (const auto& step : network.steps) {
    if (!passes(step, through)) continue;
    for (ValueId input : step.inputs) {
      if (depends[input]) depends[step.output] = true;
    }
  }
  return depends;
}

std::vector<size_t> steps_for(const Network& network, const std::vector<ValueId>& wanted) {
  auto needed = values_needed_for(network, wanted);
  std::vector<size_t> steps;
  for (size_t i = 0; i < network.steps.size(); ++i) {
    if (needed[network.steps[i].output]) steps.push_back(i);
  }
  return steps;
}

}  // namespace iba
