#include "network/interpreter.h"

#include <algorithm>
#include <sstream>

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

bool makes_number(const Step& step) {
  const auto* op = std::get_if<Operator>(&step.operation);
  return op && op->makes_number;
}

std::vector<ValueId> with(std::vector<ValueId> values, ValueId value) {
  values.push_back(value);
  return values;
}

std::string shape_text(const std::vector<Tensor>& tensors) {
  std::ostringstream text;
  for (const auto& tensor : tensors) text << (text.tellp() > 0 ? " and " : "") << tensor.sizes();
  return text.str();
}

/// One step, whose failure, such as a pooling window larger than its input, is reported by its name.
Tensor forward_step(const Step& step, std::vector<Tensor> inputs, StepState* state) {
  std::string shapes = shape_text(inputs);
  try {
    return forward(step.operation, std::move(inputs), state);
  } catch (const c10::OutOfMemoryError&) {
    throw;
  } catch (const c10::Error& error) {
    throw Error("MODEL",
                "The step '" + step.name() + "' can't take activations of shape " + shapes +
                    ": are the images too small, or of another size than the network's? LibTorch says: " +
                    error.what_without_backtrace());
  }
}

void accumulate(Tensor& sum, Tensor gradient) {
  if (!gradient.defined()) return;
  if (!sum.defined()) {
    sum = std::move(gradient);
  } else if (is_exclusive(sum)) {
    sum.add_(gradient);
  } else {
    sum = at::add(sum, gradient);
  }
}

}  // namespace

/// What lies on which side of a cut.
struct Cut::Division {
  std::vector<ValueId> skipping;  // computed before the cut, read after it
  std::vector<size_t> after;      // the steps after the cut

  Division(const Network& network, ValueId at) {
    auto depends = values_depending_on(network, at);
    std::vector<bool> is_after(network.steps.size(), false);
    std::vector<bool> needed(network.value_count, false);
    auto needed_steps = steps_for(network, {network.output});
    for (auto i = needed_steps.rbegin(); i != needed_steps.rend(); ++i) {
      const Step& step = network.steps[*i];
      if (step.output == at) continue;
      is_after[*i] = depends[step.output] || (needed[step.output] && makes_number(step));
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

Interpreter::Interpreter(const Network& network, std::vector<size_t> steps, std::vector<ValueId> wanted,
                         StepRules rules)
    : network_(network),
      steps_(std::move(steps)),
      freed_(steps_.size()),
      fusions_(find_fusions(network, steps_, wanted)),
      rules_(std::move(rules)) {
  separate_ruled_steps();
  std::vector<bool> settled(network.value_count, false);
  for (ValueId value : wanted) settled[value] = true;
  for (size_t k = steps_.size(); k-- > 0;) {
    auto release = [&](ValueId value) {
      if (!settled[value]) freed_[k].push_back(value);
      settled[value] = true;
    };
    release(step(k).output);
    for (ValueId input : step(k).inputs) release(input);
  }
}

/// A step that goes back by a rule is computed on its own, since the rule is told what it takes and gives.
void Interpreter::separate_ruled_steps() {
  for (size_t k = 0; k < steps_.size(); k += fusions_[k].steps) {
    size_t end = k + fusions_[k].steps;
    for (size_t inside = k; inside < end; ++inside) {
      if (rule(inside)) fusions_[k] = {};
    }
  }
}

/// The inputs of a step; those that nobody reads later are moved out, so that they may be overwritten.
std::vector<Tensor> Interpreter::take_inputs(size_t k, Values& values) const {
  std::vector<Tensor> inputs;
  for (ValueId input : step(k).inputs) inputs.push_back(values[input]);
  for (ValueId value : freed_[k]) values[value].reset();
  return inputs;
}

void Interpreter::forward(Values& values, Tape* tape) const {
  if (tape) tape->assign(steps_.size(), {});
  for (size_t k = 0; k < steps_.size(); k += fusions_[k].steps) {
    if (fusions_[k].steps > 1) {
      forward_fused(k, values, tape);
    } else {
      values[step(k).output] = forward_single(k, values, tape);
    }
  }
}

Tensor Interpreter::forward_single(size_t k, Values& values, Tape* tape) const {
  auto inputs = take_inputs(k, values);
  if (!tape) return forward_step(step(k), std::move(inputs), nullptr);
  StepState& state = (*tape)[k];
  if (rule(k) && rule(k)->reads_inputs) state.inputs = inputs;
  return forward_step(step(k), std::move(inputs), &state);
}

void Interpreter::forward_fused(size_t k, Values& values, Tape* tape) const {
  size_t last = k + fusions_[k].steps - 1;
  auto inputs = take_inputs(k, values);
  Tensor shortcut;
  if (fusions_[k].steps == 3) shortcut = take_inputs(k + 1, values)[fusions_[k].shortcut];
  Tensor output;
  if (inputs[0].suggest_memory_format() == at::MemoryFormat::Contiguous) {
    output = forward_step(step(k), std::move(inputs), nullptr);
    if (shortcut.defined()) output.add_(shortcut);
    output.relu_();
  } else {
    auto affine = channel_affine(std::get<BatchNorm>(step(k).operation));
    output = normalise_and_rectify(std::move(inputs[0]), affine.scale, affine.shift, shortcut);
  }
  if (tape) (*tape)[last].output = output;
  values[step(last).output] = std::move(output);
}

Tensor Interpreter::backward(Tape& tape, ValueId source, Tensor gradient, ValueId target) const {
  std::vector<size_t> starts;
  for (size_t k = 0; k < steps_.size(); k += fusions_[k].steps) starts.push_back(k);
  std::vector<Tensor> gradients(network_.value_count);
  gradients[source] = std::move(gradient);
  for (auto start = starts.rbegin(); start != starts.rend(); ++start) {
    size_t k = *start;
    size_t last = k + fusions_[k].steps - 1;
    if (!gradients[step(last).output].defined()) continue;
    if (last > k) {
      backward_fused(k, tape, gradients);
    } else {
      backward_single(k, tape, gradients);
    }
    tape[last] = {};
  }
  if (!gradients[target].defined()) {
    throw Error("MODEL", "Nothing connects the layer to the output of " + network_.architecture +
                             ": a gradient can't reach it. Choose another layer.");
  }
  return gradients[target];
}

void Interpreter::backward_single(size_t k, Tape& tape, std::vector<Tensor>& gradients) const {
  Tensor from_above = std::exchange(gradients[step(k).output], Tensor());
  auto parts = rule(k) ? rule(k)->backward(step(k).operation, tape[k], from_above)
                       : iba::backward(step(k).operation, tape[k], std::move(from_above));
  for (size_t i = 0; i < step(k).inputs.size(); ++i) {
    accumulate(gradients[step(k).inputs[i]], std::move(parts[i]));
  }
}

void Interpreter::backward_fused(size_t k, Tape& tape, std::vector<Tensor>& gradients) const {
  auto scale = channel_affine(std::get<BatchNorm>(step(k).operation)).scale;
  size_t last = k + fusions_[k].steps - 1;
  bool has_shortcut = fusions_[k].steps == 3;
  Tensor output_gradient = std::exchange(gradients[step(last).output], Tensor());
  auto [x, shortcut] = normalise_and_rectify_backward(std::move(output_gradient),
                                                      std::move(tape[last].output), scale, has_shortcut);
  accumulate(gradients[step(k).inputs[0]], std::move(x));
  if (has_shortcut) accumulate(gradients[step(k + 1).inputs[fusions_[k].shortcut]], std::move(shortcut));
}

Cut::Cut(const Network& network, ValueId at, StepRules rules)
    : Cut(network, at, Division(network, at), std::move(rules)) {}

Cut::Cut(const Network& network, ValueId at, const Division& division, StepRules rules)
    : network_(network),
      at_(at),
      skipping_(division.skipping),
      prefix_(network, steps_for(network, with(skipping_, at)), with(skipping_, at)),
      suffix_(network, division.after, {network.output}, std::move(rules)) {}

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
  throw Error("MODEL", "The network can't be cut there: '" + network_.maker(value)->name() +
                           "', which is read after the cut, has the shape " + shape_text({skipping}) +
                           ", without a row for each image. Choose a layer that a block of it returns.");
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
