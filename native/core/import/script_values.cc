#include "import/script_values.h"

#include <ATen/core/class_type.h>
#include <ATen/core/enum_type.h>

#include "io/malformed.h"

namespace iba::imported {

using c10::TypeKind;
using io::Malformed;
using pickle::Node;

namespace {

constexpr size_t kMostValues = 1'000'000;
constexpr size_t kMostObjects = 100'000;

[[noreturn]] void fail(const Node& node, const c10::Type& type) {
  throw Malformed("a value of the model is " + describe(node) + ", and its program declares " +
                  type.annotation_str());
}

template <typename T>
const T& get(const Node& node, const c10::Type& type) {
  if (const T* found = node.as<T>()) return *found;
  fail(node, type);
}

at::Tensor in_float32(const at::Tensor& tensor) {
  bool is_other = tensor.is_floating_point() && tensor.scalar_type() != at::kFloat;
  return is_other ? tensor.to(at::kFloat) : tensor;
}

std::unordered_map<std::string_view, const Node*> by_name(const pickle::Dict& attributes) {
  std::unordered_map<std::string_view, const Node*> found;
  for (const auto& [key, value] : attributes.entries) {
    if (const auto* name = key->as<std::string>()) found[*name] = value;
  }
  return found;
}

}  // namespace

at::IValue ScriptValues::model(const Node& node) {
  const auto* object = node.as<pickle::Object>();
  if (!object) throw Malformed("its model is " + describe(node) + ", expected a module");
  at::IValue made = make_object(*object).value;
  if (!made.toObjectRef().type()->is_module()) {
    throw Malformed("its model is " + describe(node) + ", which is no module");
  }
  return made;
}

at::IValue ScriptValues::value(const Node& node, const at::TypePtr& type) {
  if (++values_ > kMostValues) throw Malformed("its model has more than a million attributes");
  switch (type->kind()) {
    case TypeKind::OptionalType:
      if (node.as<std::monostate>()) return {};
      return value(node, type->castRaw<c10::OptionalType>()->getElementType());
    case TypeKind::ListType:
      return list(node, type->expectRef<c10::ListType>());
    case TypeKind::DictType:
      return dictionary(node, type->expectRef<c10::DictType>());
    case TypeKind::TupleType:
      return tuple(node, type->expect<c10::TupleType>());
    case TypeKind::UnionType:
      return member_of(node, type->expectRef<c10::UnionType>());
    case TypeKind::EnumType:
      return enumerator(node, type->expect<c10::EnumType>());
    case TypeKind::ClassType:
    case TypeKind::InterfaceType:
      return object(node, type);
    default:
      return plain(node, type);
  }
}

at::IValue ScriptValues::plain(const Node& node, const at::TypePtr& type) {
  switch (type->kind()) {
    case TypeKind::TensorType:
      return in_float32(get<at::Tensor>(node, *type));
    case TypeKind::NoneType:
      get<std::monostate>(node, *type);
      return {};
    case TypeKind::BoolType:
      return get<bool>(node, *type);
    case TypeKind::IntType:
      return get<int64_t>(node, *type);
    case TypeKind::FloatType:
      return get<double>(node, *type);
    case TypeKind::StringType:
      return get<std::string>(node, *type);
    case TypeKind::NumberType:
      if (const auto* integer = node.as<int64_t>()) return *integer;
      return get<double>(node, *type);
    case TypeKind::DeviceObjType:
      // Whatever it was saved on, it is read here.
      get<std::string>(node, *type);
      return at::Device(at::kCPU);
    default:
      throw Malformed("its model has an attribute of the type " + type->annotation_str() +
                      ", which can't be read here");
  }
}

at::IValue ScriptValues::list(const Node& node, const c10::ListType& type) {
  c10::impl::GenericList made(type.getElementType());
  for (const Node* item : get<pickle::List>(node, type).items) {
    made.push_back(value(*item, type.getElementType()));
  }
  return made;
}

at::IValue ScriptValues::dictionary(const Node& node, const c10::DictType& type) {
  bool has_text = type.getKeyType()->kind() == TypeKind::StringType;
  bool has_number = type.getKeyType()->kind() == TypeKind::IntType;
  if (!has_text && !has_number) fail(node, type);
  c10::impl::GenericDict made(type.getKeyType(), type.getValueType());
  for (const auto& [key, item] : get<pickle::Dict>(node, type).entries) {
    made.insert_or_assign(value(*key, type.getKeyType()), value(*item, type.getValueType()));
  }
  return made;
}

at::IValue ScriptValues::tuple(const Node& node, const c10::TupleTypePtr& type) {
  const auto& items = get<pickle::Tuple>(node, *type).items;
  if (items.size() != type->elements().size()) fail(node, *type);
  std::vector<at::IValue> elements;
  for (size_t i = 0; i < items.size(); ++i) elements.push_back(value(*items[i], type->elements()[i]));
  if (type->schema()) return c10::ivalue::Tuple::createNamed(std::move(elements), type);
  return c10::ivalue::Tuple::create(std::move(elements));
}

/// Of a union, the first type that fits.
at::IValue ScriptValues::member_of(const Node& node, const c10::UnionType& type) {
  for (const auto& each : type.containedTypes()) {
    try {
      return value(node, each);
    } catch (const Malformed&) {
    }
  }
  fail(node, type);
}

at::IValue ScriptValues::enumerator(const Node& node, const c10::EnumTypePtr& type) {
  const auto& given = get<pickle::Object>(node, *type);
  if (!given.state || given.class_name != type->qualifiedClassName().qualifiedName()) fail(node, *type);
  const at::IValue wanted = plain(*given.state, type->getValueType());
  for (const auto& [name, each] : type->enumNamesValues()) {
    if (each == wanted) return at::IValue(c10::make_intrusive<c10::ivalue::EnumHolder>(type, name, each));
  }
  fail(node, *type);
}

at::IValue ScriptValues::object(const Node& node, const at::TypePtr& type) {
  const auto& given = get<pickle::Object>(node, *type);
  auto known = objects_.find(&given);
  if (known == objects_.end()) known = objects_.emplace(&given, make_object(given)).first;
  const auto& [made, inside] = known->second;
  objects_inside_ += inside;
  // Code that visits all modules of a model goes into one in two places twice.
  if (objects_inside_ > kMostObjects) throw Malformed("its model has more than 100,000 modules");
  if (!made.toObjectRef().type()->isSubtypeOf(*type)) fail(node, *type);
  return made;
}

ScriptValues::Made ScriptValues::make_object(const pickle::Object& object) {
  auto type = class_of_(object.class_name);
  const auto& declared = type.type_->expectRef<c10::ClassType>();
  const auto* state = object.state ? object.state->as<pickle::Dict>() : nullptr;
  if (!state) throw Malformed("an object of the class " + object.class_name + " has no attributes");
  const auto given = by_name(*state);
  size_t before = std::exchange(objects_inside_, 0);
  auto made = c10::ivalue::Object::create(type, declared.numAttributes());
  for (size_t i = 0; i < declared.numAttributes(); ++i) {
    const std::string& name = declared.getAttributeName(i);
    auto found = given.find(name);
    if (found == given.end()) {
      throw Malformed("an object of the class " + object.class_name + " lacks '" + name + "'");
    }
    at::IValue slot = value(*found->second, declared.getAttribute(i));
    bool is_mode = name == "training" && declared.is_module() && slot.isBool();
    made->setSlot(i, is_mode ? at::IValue(false) : std::move(slot));
  }
  return {std::move(made), std::exchange(objects_inside_, before) + 1};
}

std::vector<at::IValue> script_constants(const Node& node) {
  const auto* constants = node.as<pickle::Tuple>();
  if (!constants) throw Malformed("its constants are " + describe(node) + ", expected a tuple");
  std::vector<at::IValue> made;
  for (const Node* each : constants->items) {
    const auto* tensor = each->as<at::Tensor>();
    if (!tensor) throw Malformed("one of its constants is " + describe(*each) + ", expected a tensor");
    made.emplace_back(*tensor);
  }
  return made;
}

}  // namespace iba::imported
