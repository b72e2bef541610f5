#include "network/network.h"

#include <sstream>

#include "error.h"
#include "finite.h"
#include "io/text.h"

namespace iba {

namespace {

template <typename NetworkType, typename TensorPointer>
std::vector<std::pair<std::string, TensorPointer>> list_parameters(NetworkType& network) {
  std::vector<std::pair<std::string, TensorPointer>> parameters;
  for (auto& step : network.steps) {
    const std::string owner = step.call > 1 ? step.name() : step.module;
    visit_parameters(step.operation, [&](const char* name, auto& tensor) {
      parameters.emplace_back(owner + "." + name, &tensor);
    });
  }
  return parameters;
}

void append_problem(std::ostringstream& out, const char* what, const std::vector<std::string>& names) {
  if (!names.empty()) out << " " << what << " (" << names.size() << "): " << io::joined_some(names) << ".";
}

/// The tensor, which shares no memory that holds more than it. Weights are large, so one that has its memory
/// to itself isn't copied.
Tensor owning(const Tensor& tensor) {
  const bool is_alone = tensor.is_contiguous() && tensor.storage().nbytes() == tensor.nbytes();
  return is_alone ? tensor : tensor.clone(at::MemoryFormat::Contiguous);
}

/// Lets an operator make its new tensors on that device, whatever device it was recorded with. Numbers stay
/// on the CPU.
void make_tensors_on(at::Device device, Operator& op) {
  if (op.makes_number) return;
  for (auto& argument : op.arguments) {
    if (argument.name == "device" && argument.form == OperatorArgument::Form::constant)
      argument.constant = device;
  }
}

}  // namespace

std::string Step::name() const {
  return call == 0 ? module : module + "#" + std::to_string(call);
}

const Layer& Network::layer(const std::string& name) const {
  for (const auto& layer : layers) {
    if (layer.name == name) return layer;
  }
  std::vector<std::string> names;
  for (const auto& layer : layers) names.push_back(layer.name);
  throw Error(ErrorCode::model, architecture + " has no layer '" + name +
                                    "'. The nearest names are: " + io::nearest(name, names) + ".");
}

ValueId Network::add(const std::string& module, Operation operation, std::vector<ValueId> inputs) {
  size_t expected = input_count(operation).value_or(inputs.size());
  if (inputs.size() != expected) {
    throw Error(ErrorCode::model, "The step '" + module + "' (" + kind(operation) + ") reads " +
                                      std::to_string(expected) + " value(s), but was given " +
                                      std::to_string(inputs.size()) + ".");
  }
  steps.push_back({module, 0, std::move(operation), std::move(inputs), value_count});
  return value_count++;
}

std::map<std::string, size_t> Network::number_calls() {
  std::map<std::string, size_t> calls;
  for (auto& step : steps) step.call = ++calls[step.module];
  for (auto& step : steps) {
    if (calls[step.module] == 1) step.call = 0;
  }
  return calls;
}

std::vector<std::pair<std::string, Tensor*>> Network::parameters() {
  return list_parameters<Network, Tensor*>(*this);
}

std::vector<std::pair<std::string, const Tensor*>> Network::parameters() const {
  return list_parameters<const Network, const Tensor*>(*this);
}

void Network::to(at::Device device, at::MemoryFormat layout) {
  // Steps that share a tensor go on sharing it.
  std::map<const void*, Tensor> moved;
  std::map<const void*, Rounded> moved_roundings;
  for (auto& step : steps) {
    bool convolves = std::holds_alternative<Convolution>(step.operation);
    visit_parameters(step.operation, [&](const char*, Tensor& tensor) {
      auto format = convolves && tensor.dim() == 4 ? layout : at::MemoryFormat::Contiguous;
      Tensor& copy = moved[tensor.unsafeGetTensorImpl()];
      if (!copy.defined()) copy = tensor.to(device).contiguous(format);
      if (auto found = roundings.find(tensor.unsafeGetTensorImpl()); found != roundings.end())
        moved_roundings[copy.unsafeGetTensorImpl()] = {copy, found->second.errors};
      tensor = copy;
    });
    if (auto* op = std::get_if<Operator>(&step.operation)) make_tensors_on(device, *op);
  }
  device_ = device;
  roundings = std::move(moved_roundings);
  for (auto& [step, weights] : with_norms)
    weights = {weights.weight.to(device).contiguous(layout), weights.bias.to(device)};
}

void Network::load(const std::vector<std::pair<std::string, Tensor>>& tensors) {
  std::map<std::string, const Tensor*> given;
  for (const auto& [name, tensor] : tensors) given[name] = &tensor;

  std::vector<std::string> missing, misshapen;
  for (auto& [name, parameter] : parameters()) {
    auto found = given.find(name);
    if (found == given.end()) {
      missing.push_back(name);
      continue;
    }
    const Tensor& tensor = *found->second;
    if (tensor.sizes() != parameter->sizes()) {
      misshapen.push_back(name + " is " + io::shape_text(tensor.sizes()) + ", expected " +
                          io::shape_text(parameter->sizes()));
    } else {
      *parameter = owning(tensor.to(parameter->options()));
    }
    given.erase(found);
  }
  std::vector<std::string> unknown;
  for (const auto& [name, tensor] : given) {
    if (!name.ends_with("num_batches_tracked")) unknown.push_back(name);
  }
  if (missing.empty() && misshapen.empty() && unknown.empty()) return;

  std::ostringstream message;
  message << "These weights don't fit " << architecture << ".";
  append_problem(message, "Missing", missing);
  append_problem(message, "Wrong shape", misshapen);
  append_problem(message, "Unknown", unknown);
  message << " Check the model's name, or the file.";
  throw Error(ErrorCode::weights, message.str());
}

void Network::require_finite_weights() const {
  for (const auto& step : steps) {
    // What an operator of LibTorch's adds may be a mask, of minus infinity.
    const bool may_be_mask = std::holds_alternative<Operator>(step.operation);
    visit_parameters(step.operation, [&](const char* name, const Tensor& tensor) {
      if (may_be_mask && !tensor.isnan().any().item<bool>()) return;
      require_finite(tensor, ErrorCode::weights,
                     "the parameter '" + step.module + "." + name + "' of " + architecture,
                     "Take the weights of a training, or of an epoch, that didn't diverge.");
    });
  }
}

}  // namespace iba
