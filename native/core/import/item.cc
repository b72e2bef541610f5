#include "import/item.h"

#include "error.h"

namespace iba::imported {

namespace {

at::TypePtr without_optional(at::TypePtr type) {
  while (type && type->kind() == c10::TypeKind::OptionalType) type = type->containedType(0);
  return type;
}

at::TypePtr element_type(const at::TypePtr& type, const std::vector<Item>& elements) {
  at::TypePtr list = without_optional(type);
  bool is_known = list && list->kind() == c10::TypeKind::ListType && !list->hasFreeVariables();
  if (is_known) return list->containedType(0);
  return elements.empty() ? c10::AnyType::get() : value_of(elements[0]).type();
}

}  // namespace

Item make_item(at::IValue value) {
  auto item = std::make_shared<Entry>();
  item->value = std::move(value);
  return item;
}

Item make_list(std::vector<Item> elements) {
  auto item = std::make_shared<Entry>();
  item->elements = std::move(elements);
  return item;
}

std::vector<Item>& elements_of(const Item& item) {
  if (item->elements) return *item->elements;
  std::vector<Item> elements;
  auto add = [&](const at::IValue& value) {
    elements.push_back(make_item(value));
    elements.back()->from_shape = item->from_shape;
    elements.back()->from_size = item->from_size;
  };
  if (item->value.isList()) {
    for (const at::IValue& element : item->value.toListRef()) add(element);
  } else if (item->value.isTuple()) {
    for (const auto& element : item->value.toTupleRef().elements()) add(element);
  } else {
    throw Error(ErrorCode::model,
                "The model takes a " + item->value.tagKind() + " apart as if it were a list.");
  }
  item->elements = std::move(elements);
  return *item->elements;
}

at::IValue value_of(const Item& item, const at::TypePtr& type) {
  if (!item->elements) return item->value;
  at::TypePtr inside = element_type(type, *item->elements);
  c10::impl::GenericList list(inside);
  for (const auto& element : *item->elements) list.push_back(value_of(element, inside));
  return list;
}

Item first_tensor(const Item& item) {
  if (!item->elements) {
    if (item->value.isTensor()) return item;
    if (!item->value.isTuple() && !item->value.isList()) return nullptr;
  }
  for (const auto& element : elements_of(item)) {
    if (auto found = first_tensor(element)) return found;
  }
  return nullptr;
}

}  // namespace iba::imported
