#include <iterator>

#include "error.h"
#include "weights/numpy_values.h"
#include "weights/pickle_node.h"

namespace iba::pickle {

namespace {

[[noreturn]] void fail(const Arena& arena, const Node& node, const std::string& expected) {
  throw Error(ErrorCode::weights, "'" + arena.file_name() + "': a value in the pickle is " + describe(node) +
                                      ", expected " + expected);
}

}  // namespace

template <typename T>
const T& Value::get(const char* expected) const {
  if (const T* found = node_->as<T>()) return *found;
  fail(*arena_, *node_, expected);
}

Kind Value::kind() const {
  // In the order of Payload; the last five have no data to offer, only a name.
  constexpr Kind kKinds[] = {Kind::kNone,   Kind::kBool,   Kind::kInt,    Kind::kBigInt,
                             Kind::kDouble, Kind::kString, Kind::kBytes,  Kind::kList,
                             Kind::kTuple,  Kind::kDict,   Kind::kTensor, Kind::kObject,
                             Kind::kObject, Kind::kObject, Kind::kObject, Kind::kObject};
  static_assert(std::size(kKinds) == std::variant_size_v<Payload>);
  return kKinds[node_->payload.index()];
}

bool Value::boolean() const {
  return get<bool>("a bool");
}
int64_t Value::integer() const {
  return get<int64_t>("an int");
}
const std::string& Value::string() const {
  return get<std::string>("a text");
}
const std::string& Value::bytes() const {
  return get<Bytes>("bytes").data;
}
at::Tensor Value::tensor() const {
  return get<at::Tensor>("a tensor");
}

double Value::number() const {
  if (const auto* integer = node_->as<int64_t>()) return static_cast<double>(*integer);
  return get<double>("a number");
}

std::string Value::name() const {
  if (node_->as<NumpyType>()) return std::string(kNumpyTypeName);
  if (node_->as<UnfilledArray>()) return std::string(kNumpyArrayName);
  if (node_->as<std::shared_ptr<const TensorStorage>>()) return "torch.storage";
  if (const auto* object = node_->as<Object>()) return object->class_name;
  return get<Global>("an object").name;
}

size_t Value::size() const {
  if (const auto* dict = node_->as<Dict>()) return dict->entries.size();
  if (const auto* items = items_of(*node_)) return items->size();
  fail(*arena_, *node_, "a list, tuple or dict");
}

Value Value::at(size_t index) const {
  if (const auto* items = items_of(*node_)) return {arena_, items->at(index)};
  fail(*arena_, *node_, "a list or tuple");
}

std::pair<Value, Value> Value::entry(size_t index) const {
  const auto& [key, value] = get<Dict>("a dict").entries.at(index);
  return {Value(arena_, key), Value(arena_, value)};
}

std::optional<Value> Value::find(std::string_view key) const {
  const auto& entries = get<Dict>("a dict").entries;
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    const auto* text = entry->first->as<std::string>();
    if (text && *text == key) return Value(arena_, entry->second);
  }
  return std::nullopt;
}

}  // namespace iba::pickle
