#include "import/onnx/call.h"

#include <algorithm>

#include "error.h"
#include "import/onnx/numbers.h"
#include "io/text.h"

namespace iba::imported::onnx {

std::string node_text(const Node& node) {
  std::string name = node.name;
  if (name.empty() && !node.outputs.empty()) name = node.outputs[0];
  return "'" + name + "' is '" + (node.domain.empty() ? "" : node.domain + ".") + node.operation + "'";
}

Item number(int64_t value) {
  return make_item(value);
}

Item number(double value) {
  return make_item(value);
}

Item scalar_item(const at::Scalar& value) {
  if (value.isBoolean()) return make_item(value.toBool());
  if (value.isFloatingPoint()) return make_item(value.toDouble());
  return make_item(value.toLong());
}

Item integers_item(const std::vector<int64_t>& values) {
  return make_item(at::IValue(values));
}

Item none() {
  return make_item({});
}

bool is_constant(const Item& item) {
  bool constant = true;
  visit_items(item,
              [&](const Entry& entry) { constant &= !entry.id && !entry.from_pixels && !entry.from_shape; });
  return constant;
}

const Tensor& tensor_in(const Item& item) {
  return item->value.toTensor();
}

bool is_order(std::vector<int64_t> dimensions) {
  std::sort(dimensions.begin(), dimensions.end());
  for (size_t i = 0; i < dimensions.size(); ++i) {
    if (dimensions[i] != static_cast<int64_t>(i)) return false;
  }
  return true;
}

Call::Call(Recorder& recorder, const Node& node, std::vector<Item> inputs, int64_t opset,
           const NodeSizes* single)
    : recorder_(recorder), node_(node), inputs_(std::move(inputs)), opset_(opset), single_(single) {}

void Call::refuse(const std::string& what) const {
  throw Error(ErrorCode::model, "The node " + node_text(node_) + ", which " + what);
}

const Item& Call::input(size_t i) const {
  if (!has(i)) refuse("lacks its input " + std::to_string(i) + ". The file is damaged: export it again.");
  return inputs_[i];
}

Item Call::tensor(size_t i) const {
  return as_tensor(recorder_, input(i));
}

Item Call::optional_tensor(size_t i) const {
  return has(i) ? tensor(i) : none();
}

int64_t Call::rank(size_t i) const {
  const Item& item = input(i);
  if (item->elements) return 1;
  return item->value.isTensor() ? item->value.toTensor().dim() : 0;
}

std::optional<Tensor> Call::constant(size_t i) const {
  if (!has(i) || !is_constant(inputs_[i])) return std::nullopt;
  return tensor_in(tensor(i));
}

std::vector<Item> Call::numbers(size_t i) const {
  auto found = as_numbers(recorder_, input(i));
  if (!found) {
    refuse("takes a tensor of shape " + io::shape_text(tensor_in(input(i)).sizes()) + " as its input " +
           std::to_string(i) + ", expected a list of at most " + std::to_string(kMostNumbers) +
           " numbers. Export the model again.");
  }
  return *found;
}

std::vector<int64_t> Call::integers(size_t i) const {
  std::vector<int64_t> integers;
  for (const auto& item : numbers(i)) {
    at::IValue value = recorder_.decide(item, "what '" + node_.operation + "' does");
    if (value.isBool()) value = static_cast<int64_t>(value.toBool());
    if (!value.isInt()) refuse("takes real numbers where integers are expected. Export the model again.");
    integers.push_back(value.toInt());
  }
  return integers;
}

double Call::real(size_t i, double otherwise) const {
  if (!has(i)) return otherwise;
  auto found = numbers(i);
  if (found.empty()) return otherwise;
  if (found.size() != 1) refuse("takes several numbers where one is expected. Export the model again.");
  return recorder_.decide(found[0], "what '" + node_.operation + "' does").toScalar().toDouble();
}

const Attribute* Call::attribute(const std::string& name) const {
  auto found = node_.attributes.find(name);
  return found == node_.attributes.end() ? nullptr : &found->second;
}

namespace {

template <typename T>
const T* attribute_of(const Call& call, const std::string& name, const char* kind) {
  const Attribute* attribute = call.attribute(name);
  if (!attribute) return nullptr;
  const T* value = std::get_if<T>(attribute);
  if (!value) {
    call.refuse("has an attribute '" + name + "' that isn't " + kind +
                ". The file is damaged: export it again.");
  }
  return value;
}

}  // namespace

int64_t Call::integer(const std::string& name, int64_t otherwise) const {
  const auto* value = attribute_of<int64_t>(*this, name, "an integer");
  return value ? *value : otherwise;
}

double Call::real(const std::string& name, double otherwise) const {
  const auto* value = attribute_of<double>(*this, name, "a real number");
  return value ? *value : otherwise;
}

std::string Call::text(const std::string& name, const std::string& otherwise) const {
  const auto* value = attribute_of<std::string>(*this, name, "a text");
  return value ? *value : otherwise;
}

std::optional<std::vector<int64_t>> Call::integers(const std::string& name) const {
  const auto* value = attribute_of<std::vector<int64_t>>(*this, name, "a list of integers");
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<std::vector<double>> Call::reals(const std::string& name) const {
  const auto* value = attribute_of<std::vector<double>>(*this, name, "a list of real numbers");
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<std::vector<int64_t>> Call::integers(const std::string& name, size_t i) const {
  if (auto given = integers(name)) return given;
  return has(i) ? std::optional(integers(i)) : std::nullopt;
}

int64_t Call::axis(int64_t given, int64_t rank) const {
  int64_t axis = given < 0 ? given + rank : given;
  if (axis < 0 || axis >= std::max<int64_t>(rank, 1)) {
    refuse("has the axis " + std::to_string(given) + " for a tensor of " + std::to_string(rank) +
           " dimensions. The file is damaged: export it again.");
  }
  return axis;
}

std::vector<int64_t> Call::axes(const std::vector<int64_t>& given, int64_t rank) const {
  std::vector<int64_t> axes;
  for (int64_t one : given) axes.push_back(axis(one, rank));
  return axes;
}

Item Call::aten(const std::string& name, std::vector<Item> arguments, const std::string& overload) const {
  return recorder_.call_by_name("aten::" + name, overload, std::move(arguments));
}

Item Call::size(const Item& tensor, int64_t axis) const {
  return aten("size", {tensor, number(axis)}, "int");
}

}  // namespace iba::imported::onnx
