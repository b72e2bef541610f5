#include "import/checked_arguments.h"

#include "error.h"
#include "import/argument_limits.h"

namespace iba::imported {

namespace {

/// The same item with a number of another type.
Item with_value(const Item& item, at::IValue value) {
  auto made = std::make_shared<Entry>(*item);
  made->value = std::move(value);
  return made;
}

std::optional<Item> as_type(const Item& item, const c10::Type& type);

std::optional<Item> as_list(const Item& item, const at::TypePtr& element) {
  bool is_list = item->elements ? item->keys.empty() : item->value.isList() || item->value.isTuple();
  if (!is_list) return std::nullopt;
  bool is_as_given = item->value.isIntList() ? element->kind() == c10::TypeKind::IntType ||
                                                   element->kind() == c10::TypeKind::SymIntType
                                             : element->hasFreeVariables();
  if (!item->elements && is_as_given) return item;
  std::vector<Item> elements;
  bool same = true;
  for (const auto& given : elements_of(item)) {
    auto fits = as_type(given, *element);
    if (!fits) return std::nullopt;
    same &= *fits == given;
    elements.push_back(std::move(*fits));
  }
  return same ? item : make_list(std::move(elements));
}

/// An operator for all dicts says of their values only that they are of one type.
bool is_dict(const at::IValue& value, const c10::Type& type) {
  if (!value.isGenericDict()) return false;
  const auto given = value.toGenericDict();
  const auto values = type.containedType(1);
  return given.keyType()->isSubtypeOf(*type.containedType(0)) &&
         (values->hasFreeVariables() || given.valueType()->isSubtypeOf(*values));
}

/// The item as a value of the type, with numbers converted as Python does. Absent where it is none.
std::optional<Item> as_type(const Item& item, const c10::Type& type) {
  const at::IValue& value = item->value;
  const bool is_plain = !item->elements;
  auto if_so = [&](bool fits) { return fits ? std::optional(item) : std::nullopt; };
  switch (type.kind()) {
    case c10::TypeKind::AnyType:
    case c10::TypeKind::VarType:
      return item;
    case c10::TypeKind::OptionalType:
      if (is_plain && value.isNone()) return item;
      if (is_plain && value.isTensor() && !value.toTensor().defined()) return make_item({});
      return as_type(item, *type.containedType(0));
    case c10::TypeKind::TensorType:
      return if_so(is_plain && value.isTensor() && value.toTensor().defined());
    case c10::TypeKind::NumberType:
      return if_so(is_plain && value.isScalar());
    case c10::TypeKind::IntType:
    case c10::TypeKind::SymIntType:
      if (is_plain && value.isBool()) return with_value(item, static_cast<int64_t>(value.toBool()));
      return if_so(is_plain && value.isInt());
    case c10::TypeKind::FloatType:
    case c10::TypeKind::SymFloatType:
      if (is_plain && value.isInt()) return with_value(item, static_cast<double>(value.toInt()));
      return if_so(is_plain && value.isDouble());
    case c10::TypeKind::BoolType:
    case c10::TypeKind::SymBoolType:
      return if_so(is_plain && value.isBool());
    case c10::TypeKind::StringType:
      return if_so(is_plain && value.isString());
    case c10::TypeKind::DeviceObjType:
      return make_item(at::Device(at::kCPU));
    case c10::TypeKind::ListType:
      return as_list(item, type.containedType(0));
    case c10::TypeKind::DictType:
      return if_so(is_plain && is_dict(value, type));
    default:
      return if_so(is_plain && value.type()->isSubtypeOf(type));
  }
}

[[noreturn]] void refuse(const c10::FunctionSchema& schema, const std::string& place,
                         const std::string& what) {
  throw Error(ErrorCode::model, "In " + place + ", the operator '" + schema.name() + "' " + what +
                                    ". The file is damaged, or another version of PyTorch made it: save "
                                    "the model again with torch 2.9 to 2.13.");
}

std::string kind_of(const Item& item) {
  return item->elements ? (item->keys.empty() ? "a list" : "a dict") : item->value.tagKind();
}

Item checked(const c10::FunctionSchema& schema, size_t i, const Item& given, const std::string& place) {
  const auto& argument = schema.arguments()[i];
  // A generator would be one of the process, and all memory here is plain.
  bool has_own =
      argument.name() == "generator" || argument.name() == "layout" || argument.name() == "pin_memory";
  if (has_own && argument.type()->kind() == c10::TypeKind::OptionalType) return make_item({});
  if (has_own && argument.name() == "layout") return make_item(static_cast<int64_t>(at::kStrided));
  bool is_for_all = argument.N() && !given->elements && given->value.isInt();
  Item whole = is_for_all ? make_list(std::vector<Item>(static_cast<size_t>(*argument.N()), given)) : given;
  auto fits = as_type(whole, *argument.type());
  if (!fits) {
    refuse(schema, place,
           "is given " + kind_of(given) + " as '" + argument.name() + "', expected " +
               argument.type()->annotation_str());
  }
  return *fits;
}

}  // namespace

std::vector<Item> checked_arguments(const c10::FunctionSchema& schema, std::vector<Item> given,
                                    const std::string& place) {
  const size_t count = schema.arguments().size();
  if (given.size() > count) {
    refuse(schema, place,
           "is given " + std::to_string(given.size()) + " arguments, expected " + std::to_string(count));
  }
  for (size_t i = 0; i < given.size(); ++i) {
    if (!given[i]) given[i] = make_item({});
  }
  while (given.size() < count) {
    const auto& argument = schema.arguments()[given.size()];
    if (!argument.default_value()) refuse(schema, place, "lacks its argument '" + argument.name() + "'");
    given.push_back(make_item(*argument.default_value()));
  }
  for (size_t i = 0; i < count; ++i) given[i] = checked(schema, i, given[i], place);
  check_limits(schema, given, place);
  return given;
}

}  // namespace iba::imported
