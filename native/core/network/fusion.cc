#include "network/fusion.h"

#include <algorithm>

#include "network/fused_convolution.h"
#include "network/graph.h"

namespace iba {

namespace {

/// The run of steps that begins with one of them, as far as it was followed.
class Run {
 public:
  Run(const Network& network, const std::vector<size_t>& steps, const Graph& graph,
      const std::vector<ValueId>& wanted, size_t first)
      : network_(network), steps_(steps), graph_(graph), wanted_(wanted), first_(first) {}

  const Fusion& fusion() const { return fusion_; }

  /// The next step, if it is such an operation that alone reads what the run has made.
  template <typename Op>
  const Op* next() const {
    const size_t k = first_ + fusion_.steps;
    if (k >= steps_.size() || !is_private(made())) return nullptr;
    const Step& step = at(k);
    const bool reads = std::find(step.inputs.begin(), step.inputs.end(), made()) != step.inputs.end();
    return reads ? std::get_if<Op>(&step.operation) : nullptr;
  }

  template <typename Op>
  bool take() {
    if (!next<Op>()) return false;
    ++fusion_.steps;
    return true;
  }

  /// The addition of another value.
  bool take_addition() {
    if (!next<Add>()) return false;
    const auto& inputs = at(first_ + fusion_.steps).inputs;
    if (inputs[0] == inputs[1]) return false;
    fusion_.shortcut = inputs[0] == made() ? 1 : 0;
    fusion_.addition = fusion_.steps++;
    return true;
  }

 private:
  const Step& at(size_t k) const { return network_.steps[steps_[k]]; }
  ValueId made() const { return at(first_ + fusion_.steps - 1).output; }
  bool is_private(ValueId value) const {
    return graph_.readers(value).size() == 1 &&
           std::find(wanted_.begin(), wanted_.end(), value) == wanted_.end();
  }

  const Network& network_;
  const std::vector<size_t>& steps_;
  const Graph& graph_;
  const std::vector<ValueId>& wanted_;
  size_t first_;
  Fusion fusion_;
};

/// Batch norm and ReLU, or batch norm, the addition of a shortcut, and ReLU.
Fusion from_norm(Run run) {
  run.take_addition();
  const Relu* relu = run.next<Relu>();
  if (!relu || relu->limit) return {};
  run.take<Relu>();
  return run.fusion();
}

/// A convolution with the batch norm that its weights can hold, the addition of a shortcut, and ReLU.
Fusion from_convolution(Run run, bool holds_norm) {
  if (holds_norm) run.take<BatchNorm>();
  run.take_addition();
  run.take<Relu>();
  return run.fusion();
}

}  // namespace

std::vector<Fusion> find_fusions(const Network& network, const std::vector<size_t>& steps,
                                 const std::vector<ValueId>& wanted) {
  const Graph graph(network, steps);
  std::vector<Fusion> fusions;
  for (size_t k = 0; k < steps.size(); ++k) {
    const Operation& operation = network.steps[steps[k]].operation;
    const Run run(network, steps, graph, wanted, k);
    const auto* convolution = std::get_if<Convolution>(&operation);
    if (std::holds_alternative<BatchNorm>(operation)) {
      fusions.push_back(from_norm(run));
    } else if (convolution && is_fusible(*convolution)) {
      fusions.push_back(from_convolution(run, network.with_norms.contains(steps[k])));
    } else {
      fusions.emplace_back();
    }
  }
  return fusions;
}

}  // namespace iba
