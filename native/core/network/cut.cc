#include "network/cut.h"

#include <algorithm>

#include "error.h"
#include "io/text.h"
#include "network/graph.h"

namespace iba {

namespace {

at::ScalarType type_behind(const Network& network, const std::vector<size_t>& steps, ValueId value) {
  const Precision precision(network);
  auto is_rounded = [&](size_t i) {
    const auto& inputs = network.steps[i].inputs;
    return std::find(inputs.begin(), inputs.end(), value) == inputs.end() || precision.rounds(i);
  };
  return std::all_of(steps.begin(), steps.end(), is_rounded) ? precision.type() : at::kFloat;
}

std::vector<ValueId> with(std::vector<ValueId> values, ValueId value) {
  values.push_back(value);
  return values;
}

}  // namespace

/// What lies on which side of a cut.
struct Cut::Division {
  std::vector<ValueId> skipping;  // computed before the cut, read after it
  std::vector<size_t> after;      // the steps after the cut

  Division(const Network& network, ValueId at) {
    auto depends = values_computed_from(network, at);
    // What only counts images, such as a mask that is repeated for each, is made anew for as many as there
    // are.
    auto holds_pixels = values_computed_from(network, network.input, Through::gradients);
    std::vector<bool> is_after(network.steps.size(), false);
    std::vector<bool> needed(network.value_count, false);
    auto needed_steps = steps_for(network, {network.output});
    for (auto i = needed_steps.rbegin(); i != needed_steps.rend(); ++i) {
      const Step& step = network.steps[*i];
      if (step.output == at) continue;
      is_after[*i] = depends[step.output] || (needed[step.output] && !holds_pixels[step.output]);
      if (!is_after[*i]) continue;
      for (ValueId input : step.inputs) needed[input] = true;
    }
    for (size_t i : needed_steps) {
      if (is_after[i]) after.push_back(i);
      needed[network.steps[i].output] = needed[network.steps[i].output] && !is_after[i];
    }
    needed[at] = false;
    for (ValueId value = 0; value < network.value_count; ++value) {
      if (needed[value]) skipping.push_back(value);
    }
  }
};

Cut::Cut(const Network& network, ValueId at, StepRules rules, const std::vector<ValueId>& altered)
    : Cut(network, at, Division(network, at), std::move(rules), altered) {}

Cut::Cut(const Network& network, ValueId at, const Division& division, StepRules rules,
         const std::vector<ValueId>& altered)
    : network_(network),
      at_(at),
      skipping_(division.skipping),
      type_(type_behind(network, division.after, at)),
      prefix_(network, steps_for(network, with(skipping_, at)), with(skipping_, at)),
      suffix_(network, division.after, {network.output}, std::move(rules), altered) {}

Values Cut::before(const Tensor& images) const {
  at::NoGradGuard no_grad;
  Values values(network_.value_count);
  values[network_.input] = images;
  prefix_.forward(values);
  for (ValueId value : skipping_) check_rows(value, values[value], images.size(0));
  return values;
}

/// What travels along is repeated row by row, so it must have a row for each image.
void Cut::check_rows(ValueId value, const Tensor& skipping, int64_t images) const {
  if (skipping.dim() > 0 && skipping.size(0) == images) return;
  throw Error(ErrorCode::model,
              "The network can't be cut there: '" + maker_of(network_, value)->name() +
                  "', which is read after the cut, has the shape " + io::shape_text(skipping.sizes()) +
                  ", without a row for each image. Choose a layer that a block of it returns.");
}

Tensor Cut::after(const Values& values, Tensor replacement, Interpreter::Tape* tape,
                  const Alterations& alterations) const {
  at::NoGradGuard no_grad;
  Values run(network_.value_count);
  for (ValueId value : skipping_) run[value] = values[value];
  run[at_] = std::move(replacement);
  suffix_.forward(run, tape, alterations);
  return at_least_float(run[network_.output]);
}

Tensor Cut::backward(Interpreter::Tape& tape, Tensor gradient, const Alterations& alterations) const {
  return at_least_float(backward_in_precision(tape, std::move(gradient), alterations));
}

Tensor Cut::backward_in_precision(Interpreter::Tape& tape, Tensor gradient,
                                  const Alterations& alterations) const {
  at::NoGradGuard no_grad;
  return suffix_.backward(tape, network_.output, std::move(gradient), at_, alterations);
}

Values Cut::select(const Values& values, const Tensor& rows) const {
  Values selected(network_.value_count);
  for (ValueId value : skipping_) selected[value] = values[value].index_select(0, rows);
  return selected;
}

}  // namespace iba
