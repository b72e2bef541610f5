#include "network/network.h"

#include <algorithm>
#include <numeric>
#include <sstream>

#include "error.h"

namespace iba {

namespace {

constexpr size_t kNamesInMessage = 8;

size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t substitution = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitution});
    }
  }
  return row[b.size()];
}

std::string join_some(const std::vector<std::string>& names) {
  std::ostringstream out;
  for (size_t i = 0; i < std::min(names.size(), kNamesInMessage); ++i) out << (i ? ", " : "") << names[i];
  if (names.size() > kNamesInMessage) out << " and " << names.size() - kNamesInMessage << " more";
  return out.str();
}

std::string shape_text(at::IntArrayRef shape) {
  std::ostringstream out;
  out << "(";
  for (size_t i = 0; i < shape.size(); ++i) out << (i ? ", " : "") << shape[i];
  out << ")";
  return out.str();
}

bool is_ignored(const std::string& name) {
  static const std::string suffix = "num_batches_tracked";
  return name.size() >= suffix.size() &&
         name.compare(name.size() - suffix.size(), suffix.size(), suffix) == 0;
}

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
  if (!names.empty()) out << " " << what << " (" << names.size() << "): " << join_some(names) << ".";
}

}  // namespace

std::string Step::name() const {
  return call == 0 ? module : module + "#" + std::to_string(call);
}

std::vector<std::string> nearest_names(const std::string& name, const std::vector<std::string>& candidates) {
  std::vector<std::pair<size_t, std::string>> ranked;
  for (const auto& candidate : candidates) ranked.emplace_back(edit_distance(name, candidate), candidate);
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> nearest;
  for (size_t i = 0; i < std::min<size_t>(3, ranked.size()); ++i) nearest.push_back(ranked[i].second);
  return nearest;
}

const Layer& Network::layer(const std::string& name) const {
  for (const auto& layer : layers) {
    if (layer.name == name) return layer;
  }
  std::vector<std::string> names;
  for (const auto& layer : layers) names.push_back(layer.name);
  throw Error("MODEL", architecture + " has no layer '" + name + "'. The nearest names are: " +
                           join_some(nearest_names(name, names)) + ". `iba layers` lists them all.");
}

const Step* Network::maker(ValueId value) const {
  for (const auto& step : steps) {
    if (step.output == value) return &step;
  }
  return nullptr;
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
  for (auto& step : steps) {
    bool convolves = std::holds_alternative<Convolution>(step.operation);
    visit_parameters(step.operation, [&](const char*, Tensor& tensor) {
      auto format = convolves && tensor.dim() == 4 ? layout : at::MemoryFormat::Contiguous;
      Tensor& copy = moved[tensor.unsafeGetTensorImpl()];
      if (!copy.defined()) copy = tensor.to(device).contiguous(format);
      tensor = copy;
    });
  }
}

at::Device Network::device() const {
  return parameters().front().second->device();
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
      misshapen.push_back(name + " is " + shape_text(tensor.sizes()) + ", expected " +
                          shape_text(parameter->sizes()));
    } else {
      *parameter = tensor.to(parameter->options()).clone();
    }
    given.erase(found);
  }
  std::vector<std::string> unknown;
  for (const auto& [name, tensor] : given) {
    if (!is_ignored(name)) unknown.push_back(name);
  }
  if (missing.empty() && misshapen.empty() && unknown.empty()) return;

  std::ostringstream message;
  message << "These weights don't fit " << architecture << ".";
  append_problem(message, "Missing", missing);
  append_problem(message, "Wrong shape", misshapen);
  append_problem(message, "Unknown", unknown);
  message << " Check the model's name, or the file.";
  throw Error("WEIGHTS", message.str());
}

}  // namespace iba
