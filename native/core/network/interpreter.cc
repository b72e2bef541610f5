#include "network/interpreter.h"

#include "error.h"
#include "finite.h"
#include "io/text.h"
#include "network/elementwise.h"
#include "network/fused_convolution.h"
#include "network/graph.h"
#include "runtime/cancellation_scope.h"

namespace iba {

namespace {

std::string shape_text(const std::vector<Tensor>& tensors) {
  std::vector<std::string> shapes;
  for (const auto& tensor : tensors) shapes.push_back(io::shape_text(tensor.sizes()));
  return io::joined(shapes, " and ");
}

/// What a step computes; its failure, such as a pooling window larger than its input, is reported by its
/// name.
template <typename Compute>
Tensor named(const Step& step, const std::string& shapes, Compute compute) {
  try {
    return compute();
  } catch (const c10::OutOfMemoryError&) {
    throw;
  } catch (const c10::Error& error) {
    throw Error(ErrorCode::model,
                "The step '" + step.name() + "' can't take activations of shape " + shapes +
                    ": are the images too small, or of another size than the network's? LibTorch says: " +
                    error.what_without_backtrace());
  }
}

Tensor forward_step(const Step& step, std::vector<Tensor> inputs, StepState* state) {
  return named(step, shape_text(inputs), [&] { return forward(step.operation, std::move(inputs), state); });
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

const Alteration* alteration_of(const Alterations& alterations, ValueId value) {
  for (const auto& alteration : alterations) {
    if (alteration.value == value) return &alteration;
  }
  return nullptr;
}

/// What is left of a fusion that must end after so many steps: a batch norm has nothing to itself without its
/// ReLU.
Fusion beginning_of(const Fusion& fusion, const Step& first, size_t steps) {
  if (steps == 0 || !std::holds_alternative<Convolution>(first.operation)) return {};
  return {steps, fusion.addition < steps ? fusion.addition : 0, fusion.shortcut};
}

std::vector<ValueId> both(std::vector<ValueId> values, const std::vector<ValueId>& more) {
  values.insert(values.end(), more.begin(), more.end());
  return values;
}

}  // namespace

Interpreter::Interpreter(const Network& network, std::vector<size_t> steps, std::vector<ValueId> wanted,
                         StepRules rules, const std::vector<ValueId>& altered)
    : network_(network),
      precision_(network),
      steps_(std::move(steps)),
      freed_(steps_.size()),
      fusions_(find_fusions(network, steps_, both(wanted, altered))),
      rules_(std::move(rules)) {
  separate_ruled_steps();
  std::vector<bool> is_wanted(network.value_count, false);
  for (ValueId value : wanted) is_wanted[value] = true;
  Graph graph(network, steps_);
  for (ValueId value = 0; value < network.value_count; ++value) {
    auto last = is_wanted[value] ? std::nullopt : graph.last_use(value);
    if (last) freed_[*last].push_back(value);
  }
}

/// A step that goes back by a rule is computed on its own, since the rule is told what it takes and gives.
void Interpreter::separate_ruled_steps() {
  for (size_t k = 0; k < steps_.size(); k += fusions_[k].steps) {
    size_t before = 0;
    while (before < fusions_[k].steps && !rule(k + before)) ++before;
    if (before < fusions_[k].steps) fusions_[k] = beginning_of(fusions_[k], step(k), before);
  }
}

/// The inputs of a step as it reads them; those that nobody reads later are moved out, so that they may be
/// overwritten.
std::vector<Tensor> Interpreter::take_inputs(size_t k, Values& values) const {
  std::vector<Tensor> inputs;
  for (ValueId input : step(k).inputs) {
    values[input] = precision_.for_step(steps_[k], values[input]);
    inputs.push_back(values[input]);
  }
  for (ValueId value : freed_[k]) values[value].reset();
  return inputs;
}

void Interpreter::forward(Values& values, Tape* tape, const Alterations& alterations) const {
  if (tape) tape->assign(steps_.size(), {});
  for (size_t k = 0; k < steps_.size(); k += fusions_[k].steps) {
    check_cancelled();
    if (fusions_[k].steps > 1) {
      forward_fused(k, values, tape);
    } else {
      values[step(k).output] = forward_single(k, values, tape);
    }
    if (alterations.empty()) continue;
    ValueId made = step(k + fusions_[k].steps - 1).output;
    if (const auto* alteration = alteration_of(alterations, made))
      values[made] = alteration->forward(values[made]);
  }
}

/// Whether a step is a convolution that is computed as those with more in their pass are.
bool Interpreter::convolves_alone(size_t k) const {
  const auto* convolution = std::get_if<Convolution>(&step(k).operation);
  return convolution && fusions_[k].steps == 1 && !rule(k) && is_fusible(*convolution);
}

Tensor Interpreter::forward_single(size_t k, Values& values, Tape* tape) const {
  if (convolves_alone(k)) return convolve_fused(k, values, tape);
  auto inputs = take_inputs(k, values);
  if (!tape) return forward_step(step(k), std::move(inputs), nullptr);
  StepState& state = (*tape)[k];
  if (rule(k) && rule(k)->reads_inputs) state.inputs = inputs;
  return forward_step(step(k), std::move(inputs), &state);
}

void Interpreter::forward_fused(size_t k, Values& values, Tape* tape) const {
  const size_t last = k + fusions_[k].steps - 1;
  const bool convolves = std::holds_alternative<Convolution>(step(k).operation);
  Tensor output = convolves ? convolve_fused(k, values, tape) : normalise_fused(k, values);
  if (tape) (*tape)[last].output = output;
  values[step(last).output] = std::move(output);
}

/// What a fusion adds; undefined where it adds nothing.
Tensor Interpreter::take_shortcut(size_t k, Values& values) const {
  const auto& [steps, addition, shortcut] = fusions_[k];
  return addition > 0 ? take_inputs(k + addition, values)[shortcut] : Tensor();
}

/// The convolution that a fusion begins with, which holds the batch norm that it may take along.
Convolution Interpreter::convolution_of(size_t k) const {
  auto convolution = std::get<Convolution>(step(k).operation);
  if (fusions_[k].steps > 1 && std::holds_alternative<BatchNorm>(step(k + 1).operation)) {
    const auto& [weight, bias] = network_.with_norms.at(steps_[k]);
    std::tie(convolution.weight, convolution.bias) = std::tie(weight, bias);
  }
  return convolution;
}

Tensor Interpreter::convolve_fused(size_t k, Values& values, Tape* tape) const {
  auto inputs = take_inputs(k, values);
  const Tensor shortcut = take_shortcut(k, values);
  const auto* relu = std::get_if<Relu>(&step(k + fusions_[k].steps - 1).operation);
  return named(step(k), shape_text(inputs), [&] {
    if (tape) (*tape)[k].keep_shapes(inputs);
    const auto convolution = network_.packed->for_input(convolution_of(k), inputs[0]);
    return convolve_add_and_rectify(convolution, inputs[0], shortcut, relu);
  });
}

Tensor Interpreter::normalise_fused(size_t k, Values& values) const {
  auto inputs = take_inputs(k, values);
  const Tensor shortcut = take_shortcut(k, values);
  if (inputs[0].suggest_memory_format() != at::MemoryFormat::Contiguous) {
    auto affine = std::get<BatchNorm>(step(k).operation).affine();
    return normalise_and_rectify(std::move(inputs[0]), affine.scale, affine.shift, shortcut);
  }
  Tensor output = forward_step(step(k), std::move(inputs), nullptr);
  if (shortcut.defined()) output.add_(shortcut);
  return output.relu_();
}

Tensor Interpreter::backward(Tape& tape, ValueId source, Tensor gradient, ValueId target,
                             const Alterations& alterations) const {
  std::vector<size_t> starts;
  for (size_t k = 0; k < steps_.size(); k += fusions_[k].steps) starts.push_back(k);
  std::vector<Tensor> gradients(network_.value_count);
  gradients[source] = std::move(gradient);
  for (auto start = starts.rbegin(); start != starts.rend(); ++start) {
    size_t k = *start;
    size_t last = k + fusions_[k].steps - 1;
    if (!gradients[step(last).output].defined()) continue;
    check_cancelled();
    if (const auto* alteration = alteration_of(alterations, step(last).output))
      gradients[alteration->value] = alteration->backward(gradients[alteration->value]);
    if (last > k) {
      backward_fused(k, tape, gradients);
    } else {
      backward_single(k, tape, gradients);
    }
    tape[last] = {};
  }
  if (!gradients[target].defined()) {
    throw Error(ErrorCode::model, "Nothing connects the layer to the output of " + network_.architecture +
                                      ": a gradient can't reach it. Choose another layer.");
  }
  return gradients[target];
}

/// What arrived for the output of a step, as the step goes on with it.
Tensor Interpreter::take_gradient(size_t k, std::vector<Tensor>& gradients) const {
  Tensor gradient = std::exchange(gradients[step(k).output], Tensor());
  return precision_.for_step(steps_[k], gradient);
}

void Interpreter::backward_single(size_t k, Tape& tape, std::vector<Tensor>& gradients) const {
  if (convolves_alone(k)) return convolve_fused_backward(k, tape, gradients);
  Tensor from_above = take_gradient(k, gradients);
  auto parts = rule(k) ? rule(k)->backward(step(k).operation, tape[k], from_above)
                       : iba::backward(step(k).operation, tape[k], std::move(from_above));
  for (size_t i = 0; i < step(k).inputs.size(); ++i) {
    accumulate(gradients[step(k).inputs[i]], std::move(parts[i]));
  }
}

void Interpreter::backward_fused(size_t k, Tape& tape, std::vector<Tensor>& gradients) const {
  if (std::holds_alternative<Convolution>(step(k).operation)) {
    convolve_fused_backward(k, tape, gradients);
  } else {
    normalise_fused_backward(k, tape, gradients);
  }
}

void Interpreter::convolve_fused_backward(size_t k, Tape& tape, std::vector<Tensor>& gradients) const {
  const auto& [steps, addition, shortcut] = fusions_[k];
  const size_t last = k + steps - 1;
  Tensor gradient = take_gradient(last, gradients);
  if (const auto* relu = std::get_if<Relu>(&step(last).operation))
    gradient = relu->backward(tape[last], std::move(gradient))[0];
  if (addition > 0) accumulate(gradients[step(k + addition).inputs[shortcut]], gradient);
  const Convolution convolution = convolution_of(k);
  const auto back = network_.packed->for_gradient(convolution, gradient);
  accumulate(gradients[step(k).inputs[0]], back ? convolve_add_and_rectify(*back, gradient, {}, nullptr)
                                                : convolution.backward(tape[k], std::move(gradient))[0]);
}

void Interpreter::normalise_fused_backward(size_t k, Tape& tape, std::vector<Tensor>& gradients) const {
  const auto& [steps, addition, shortcut] = fusions_[k];
  auto scale = std::get<BatchNorm>(step(k).operation).affine().scale;
  const size_t last = k + steps - 1;
  Tensor output_gradient = take_gradient(last, gradients);
  auto [x, by_shortcut] = normalise_and_rectify_backward(std::move(output_gradient),
                                                         std::move(tape[last].output), scale, addition > 0);
  accumulate(gradients[step(k).inputs[0]], std::move(x));
  if (addition > 0) accumulate(gradients[step(k + addition).inputs[shortcut]], std::move(by_shortcut));
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
  Tensor found = at_least_float(activations(network, images, {network.output})[0]);
  require_probabilities(found);
  return found;
}

void require_probabilities(const Tensor& logits) {
  require_finite(logits.amax(1), ErrorCode::not_finite, "the logits that the network gives for the image",
                 "Check the model's weights, and that its images are normalised as in its training.");
}

}  // namespace iba
