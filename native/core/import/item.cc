#include "import/item.h"

#include "error.h"

namespace iba::imported {

namespace {

at::TypePtr without_optional(at::TypePtr type) {
  while (type && type->kind() == c10::TypeKind::OptionalType) type = type->containedType(0);
  return type;
}

constexpr size_t kDeepestLists = 64;

at::IValue value_within(const Item& item, const at::TypePtr& type, Walk& walk);

at::TypePtr element_type(const at::TypePtr& type, const std::vector<Item>& elements, Walk& walk) {
  at::TypePtr list = without_optional(type);
  bool is_known = list && list->kind() == c10::TypeKind::ListType && !list->hasFreeVariables();
  if (is_known) return list->containedType(0);
  return elements.empty() ? c10::AnyType::get() : value_within(elements[0], nullptr, walk).type();
}

at::IValue value_within(const Item& item, const at::TypePtr& type, Walk& walk) {
  if (!item->elements) return item->value;
  walk.enter();
  at::TypePtr inside = element_type(type, *item->elements, walk);
  c10::impl::GenericList list(inside);
  for (const auto& element : *item->elements) list.push_back(value_within(element, inside, walk));
  walk.leave();
  return list;
}

Item first_tensor_within(const Item& item, Walk& walk) {
  if (!item->elements) {
    if (item->value.isTensor()) return item;
    if (!item->value.isTuple() && !item->value.isList()) return nullptr;
  }
  walk.enter();
  for (const auto& element : elements_of(item)) {
    if (auto found = first_tensor_within(element, walk)) return found;
  }
  walk.leave();
  return nullptr;
}

}  // namespace

void Walk::enter() {
  if (left_-- > 0 && ++depth_ <= kDeepestLists) return;
  throw Error(
      ErrorCode::model,
      "The model makes lists that are nested more than 64 deep, or hold more than a million elements. "
      "Trace it with torch.jit.trace.");
}

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
  Walk walk;
  return value_within(item, type, walk);
}

Item first_tensor(const Item& item) {
  Walk walk;
  return first_tensor_within(item, walk);
}

}  // namespace iba::imported
