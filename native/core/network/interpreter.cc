#include "network/interpreter.h"

#include <algorithm>

#include "error.h"
#include "network/elementwise.h"

namespace iba {

namespace {

/// For each value: whether it is computed from the value `from` (which counts as well).
std::vector<bool> values_depending_on(const Network& network, ValueId from) {
  std::vector<bool> depends(network.value_count, false);
  depends[from] = true;
  for (const auto& step : network.steps) {
    for (ValueId input : step.inputs) {
      if (depends[input]) depends[step.output] = true;
    }
  }
  return depends;
}

/// The steps needed for the wanted values, in order.
std::vector<size_t> steps_for(const Network& network, const std::vector<ValueId>& wanted) {
  std::vector<bool> needed(network.value_count, false);
  for (ValueId value : wanted) needed[value] = true;
  std::vector<size_t> steps;
  for (size_t i = network.steps.size(); i-- > 0;) {
    const Step& step = network.steps[i];
    if (!needed[step.output]) continue;
    steps.push_back(i);
    for (ValueId input : step.inputs) needed[input] = true;
  }
  std::reverse(steps.begin(), steps.end());
  return steps;
}

std::vector<size_t> dependent_steps(const Network& network, const std::vector<bool>& depends, ValueId from) {
  std::vector<size_t> steps;
  for (size_t i : steps_for(network, {network.output})) {
    ValueId output = network.steps[i].output;
    if (depends[output] && output != from) steps.push_back(i);
  }
  return steps;
}

std::vector<ValueId> skipping_values(const Network& network, const std::vector<bool>& depends, ValueId from) {
  std::vector<ValueId> skipping;
  for (size_t i : dependent_steps(network, depends, from)) {
    for (ValueId input : network.steps[i].inputs) {
      bool known = std::find(skipping.begin(), skipping.end(), input) != skipping.end();
      if (!depends[input] && !known) skipping.push_back(input);
    }
  }
  return skipping;
}

std::vector<ValueId> with(std::vector<ValueId> values, ValueId value) {
  values.push_back(value);
  return values;
}

void accumulate(Tensor& sum, Tensor gradient) {
  if (!sum.defined()) {
    sum = std::move(gradient);
  } else if (is_exclusive(sum)) {
    sum.add_(gradient);
  } else {
    sum = at::add(sum, gradient);
  }
}

}  // namespace

Interpreter::Interpreter(const Network& network, std::vector<size_t> steps, std::vector<ValueId> wanted)
    : network_(network), steps_(std::move(steps)), freed_(steps_.size()), fused_(steps_.size(), false) {
  std::vector<size_t> readers(network.value_count, 0);
  std::vector<bool> settled(network.value_count, false);
  for (ValueId value : wanted) settled[value] = true;
  for (size_t k = steps_.size(); k-- > 0;) {
    const Step& step = network.steps[steps_[k]];
    if (k + 1 < steps_.size() && std::holds_alternative<BatchNorm>(step.operation)) {
      const Step& next = network.steps[steps_[k + 1]];
      fused_[k] = std::holds_alternative<Relu>(next.operation) && next.inputs[0] == step.output &&
                  readers[step.output] == 1 &&
                  std::find(wanted.begin(), wanted.end(), step.output) == wanted.end();
    }
    auto release = [&](ValueId value) {
      if (!settled[value]) freed_[k].push_back(value);
      settled[value] = true;
    };
    release(step.output);
    for (ValueId input : step.inputs) {
      ++readers[input];
      release(input);
    }
  }
}

void Interpreter::forward(Values& values, Tape* tape) const {
  if (tape) tape->assign(steps_.size(), {});
  for (size_t k = 0; k < steps_.size(); ++k) {
    const Step& step = network_.steps[steps_[k]];
    std::vector<Tensor> inputs;
    for (ValueId input : step.inputs) inputs.push_back(values[input]);
    for (ValueId value : freed_[k]) values[value].reset();
    if (fused_[k]) {
      auto affine = channel_affine(std::get<BatchNorm>(step.operation));
      Tensor output = scale_and_shift(std::move(inputs[0]), affine.scale, affine.shift, true);
      ++k;
      if (tape) (*tape)[k].output = output;
      values[network_.steps[steps_[k]].output] = std::move(output);
    } else {
      values[step.output] = iba::forward(step.operation, std::move(inputs), tape ? &(*tape)[k] : nullptr);
    }
  }
}

Tensor Interpreter::backward(Tape& tape, ValueId source, Tensor gradient, ValueId target) const {
  std::vector<Tensor> gradients(network_.value_count);
  gradients[source] = std::move(gradient);
  for (size_t k = steps_.size(); k-- > 0;) {
    const Step& step = network_.steps[steps_[k]];
    Tensor output_gradient = std::move(gradients[step.output]);
    gradients[step.output].reset();
    if (!output_gradient.defined()) continue;
    if (k > 0 && fused_[k - 1]) {
      const Step& batch_norm = network_.steps[steps_[k - 1]];
      auto scale = channel_affine(std::get<BatchNorm>(batch_norm.operation)).scale;
      accumulate(gradients[batch_norm.inputs[0]],
                 scale_and_shift_relu_backward(std::move(output_gradient), tape[k].output, scale));
      tape[k] = {};
      --k;
      continue;
    }
    auto input_gradients = iba::backward(step.operation, tape[k], std::move(output_gradient));
    tape[k] = {};
    for (size_t i = 0; i < step.inputs.size(); ++i) {
      accumulate(gradients[step.inputs[i]], std::move(input_gradients[i]));
    }
  }
  if (!gradients[target].defined()) {
    throw Error("MODEL", "Nothing connects the layer to the output of " + network_.architecture +
                             ": a gradient can't reach it. Choose another layer.");
  }
  return gradients[target];
}

Cut::Cut(const Network& network, ValueId at) : Cut(network, at, values_depending_on(network, at)) {}

Cut::Cut(const Network& network, ValueId at, const std::vector<bool>& depends)
    : network_(network),
      at_(at),
      skipping_(skipping_values(network, depends, at)),
      prefix_(network, steps_for(network, with(skipping_, at)), with(skipping_, at)),
      suffix_(network, dependent_steps(network, depends, at), {network.output}) {}

Values Cut::before(const Tensor& images) const {
  at::NoGradGuard no_grad;
  Values values(network_.value_count);
  values[network_.input] = images;
  prefix_.forward(values);
  return values;
}

Tensor Cut::after(const Values& values, Tensor replacement, Interpreter::Tape* tape) const {
  at::NoGradGuard no_grad;
  Values run(network_.value_count);
  for (ValueId value : skipping_) run[value] = values[value];
  run[at_] = std::move(replacement);
  suffix_.forward(run, tape);
  return run[network_.output];
}

Tensor Cut::backward(Interpreter::Tape& tape, Tensor gradient) const {
  at::NoGradGuard no_grad;
  return suffix_.backward(tape, network_.output, std::move(gradient), at_);
}

Values Cut::select(const Values& values, const Tensor& rows) const {
  Values selected(network_.value_count);
  for (ValueId value : skipping_) selected[value] = values[value].index_select(0, rows);
  return selected;
}

std::vector<Tensor> activations(const Network& network, const Tensor& images,
                                const std::vector<ValueId>& wanted) {
  at::NoGradGuard no_grad;
  Values values(network.value_count);
  values[network.input] = images;
  Interpreter(network, steps_for(network, wanted), wanted).forward(values);
  std::vector<Tensor> found;
  for (ValueId value : wanted) found.push_back(values[value]);
  return found;
}

Tensor logits(const Network& network, const Tensor& images) {
  return activations(network, images, {network.output})[0];
}

}  // namespace iba
