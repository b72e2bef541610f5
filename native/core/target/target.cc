#include "target/target.h"

#include <algorithm>
#include <cmath>

#include "error.h"

namespace iba {

namespace {

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorCode::invalid_argument, message);
}

std::string outputs_text(const Network& network) {
  return "the network's outputs 0 to " + std::to_string(network.classes - 1);
}

void check_index(int64_t index, const Network& network) {
  if (index >= 0 && index < network.classes) return;
  refuse("The target names output " + std::to_string(index) + ", expected one of " + outputs_text(network) +
         ".");
}

void check_weights(const Target& target, const Network& network) {
  auto count = static_cast<int64_t>(target.weights.size());
  if (count != network.classes) {
    refuse("The target has " + std::to_string(count) + " numbers, expected one for each of " +
           outputs_text(network) + ".");
  }
  auto is_finite = [](double weight) { return std::isfinite(weight); };
  if (!std::all_of(target.weights.begin(), target.weights.end(), is_finite))
    refuse("The target has numbers that aren't finite.");
  auto is_zero = [](double weight) { return weight == 0; };
  if (std::all_of(target.weights.begin(), target.weights.end(), is_zero))
    refuse("The target's numbers are all 0: there is nothing to explain.");
}

}  // namespace

void check_target(const Target& target, const Network& network) {
  using Kind = Target::Kind;
  for (int64_t other : target.others) check_index(other, network);
  switch (target.kind) {
    case Kind::classification:
      if (target.index >= 0) return check_index(target.index, network);
      if (network.outputs == OutputKind::embedding) {
        refuse(
            "The network gives an embedding, of which no output is the predicted one. Say what to explain: a "
            "similarity with an embedding, or a weighting of the outputs.");
      }
      return;
    case Kind::contrast:
      check_index(target.index, network);
      if (std::find(target.others.begin(), target.others.end(), target.index) != target.others.end())
        refuse("The target contrasts output " + std::to_string(target.index) + " with itself.");
      if (network.classes < 2) refuse("A contrast needs a network with at least two outputs.");
      return;
    case Kind::label:
    case Kind::prediction:
    case Kind::away:
      return check_index(target.index, network);
    case Kind::value:
      check_index(target.index, network);
      if (!std::isfinite(target.value)) refuse("The target's value isn't finite.");
      return;
    case Kind::labels:
      return;
    case Kind::similarity:
    case Kind::weighting:
      return check_weights(target, network);
  }
}

Target settled(const Target& target, OutputKind kind, const Tensor& outputs) {
  using Kind = Target::Kind;
  Target found = target;
  if (target.kind == Kind::classification) {
    switch (kind) {
      case OutputKind::classes:
        if (target.index < 0) found.index = outputs.argmax().item<int64_t>();
        return found;
      case OutputKind::labels:
        found.kind = Kind::label;
        if (target.index < 0) found.index = outputs.argmax().item<int64_t>();
        return found;
      case OutputKind::values:
      case OutputKind::embedding:
        found.kind = Kind::prediction;
        found.index = std::max<int64_t>(target.index, 0);
        break;
    }
  }
  if (found.kind == Kind::prediction) found.value = outputs[found.index].item<double>();
  return found;
}

}  // namespace iba
