#include "import/script_lists.h"

#include <algorithm>

#include "error.h"

namespace iba::imported {

namespace {

constexpr int64_t kMostElements = 100'000;

void require_room(size_t elements) {
  if (elements <= kMostElements) return;
  throw Error(ErrorCode::model,
              "The model makes a list of more than 100,000 elements, which no model of images needs.");
}

size_t position_in(const std::vector<Item>& elements, int64_t index) {
  auto size = static_cast<int64_t>(elements.size());
  if (index < 0) index += size;
  if (index < 0 || index >= size) throw Error(ErrorCode::model, "The model reads beyond the end of a list.");
  return static_cast<size_t>(index);
}

Item slice(const Item& list, const Item& start, const Item& end, const Item& step) {
  const auto& elements = elements_of(list);
  auto size = static_cast<int64_t>(elements.size());
  auto bound = [&](const Item& item, int64_t otherwise) {
    if (item->value.isNone()) return otherwise;
    int64_t given = item->value.toInt();
    return std::clamp<int64_t>(given < 0 ? given + size : given, 0, size);
  };
  int64_t stride = step->value.toInt();
  if (stride < 1)
    throw Error(ErrorCode::model, "The model takes every " + std::to_string(stride) + "th of a list.");
  std::vector<Item> taken;
  for (int64_t i = bound(start, 0); i < bound(end, size); i += stride) taken.push_back(elements[i]);
  return make_list(std::move(taken));
}

Item concatenated(const Item& a, const Item& b) {
  std::vector<Item> all = elements_of(a);
  const auto& more = elements_of(b);
  require_room(all.size() + more.size());
  all.insert(all.end(), more.begin(), more.end());
  return make_list(std::move(all));
}

Item repeated(const Item& list, int64_t times) {
  const auto& elements = elements_of(list);
  if (times <= 0 || elements.empty()) return make_list({});
  require_room(static_cast<size_t>(std::min(times, kMostElements + 1)) * elements.size());
  std::vector<Item> all;
  for (int64_t i = 0; i < times; ++i) all.insert(all.end(), elements.begin(), elements.end());
  return make_list(std::move(all));
}

/// As Python's `is`.
bool is_identical(const Item& a, const Item& b) {
  return a == b || (!a->elements && !b->elements && a->value.is(b->value));
}

}  // namespace

Item make_dictionary(const std::vector<Item>& keys_and_values) {
  Item dictionary = make_list({});
  for (size_t i = 0; i + 1 < keys_and_values.size(); i += 2) {
    if (!keys_and_values[i]->value.isString())
      throw Error(ErrorCode::model, "The model makes a dict without names.");
    dictionary->keys.push_back(keys_and_values[i]->value.toStringRef());
    dictionary->elements->push_back(keys_and_values[i + 1]);
  }
  return dictionary;
}

Item element_at(const Item& container, const Item& index) {
  auto& elements = elements_of(container);
  if (!index->value.isString()) return elements[position_in(elements, index->value.toInt())];
  auto found = std::find(container->keys.begin(), container->keys.end(), index->value.toStringRef());
  if (found == container->keys.end()) {
    throw Error(ErrorCode::model,
                "The model reads '" + index->value.toStringRef() + "' from a dict without it.");
  }
  return elements[static_cast<size_t>(found - container->keys.begin())];
}

Item script_list_operation(const std::string& name, bool is_list, const std::vector<Item>& inputs) {
  if (name == "aten::__is__") return make_item(is_identical(inputs[0], inputs[1]));
  if (name == "aten::__isnot__") return make_item(!is_identical(inputs[0], inputs[1]));
  if (name == "aten::__getitem__" && (is_list || inputs[0]->elements))
    return element_at(inputs[0], inputs[1]);
  if (!is_list) return nullptr;
  if (name == "aten::len") return make_item(static_cast<int64_t>(elements_of(inputs[0]).size()));
  if (name == "aten::copy" || name == "aten::list") return make_list(elements_of(inputs[0]));
  if (name == "aten::add") return concatenated(inputs[0], inputs[1]);
  if (name == "aten::mul") return repeated(inputs[0], inputs[1]->value.toInt());
  if (name == "aten::slice") return slice(inputs[0], inputs[1], inputs[2], inputs[3]);
  if (name == "aten::append") {
    elements_of(inputs[0]).push_back(inputs[1]);
    return inputs[0];
  }
  if (name == "aten::extend" || name == "aten::add_") {
    auto more = elements_of(inputs[1]);
    auto& elements = elements_of(inputs[0]);
    require_room(elements.size() + more.size());
    elements.insert(elements.end(), more.begin(), more.end());
    return inputs[0];
  }
  if (name == "aten::_set_item") {
    auto& elements = elements_of(inputs[0]);
    elements[position_in(elements, inputs[1]->value.toInt())] = inputs[2];
    return inputs[0];
  }
  return nullptr;
}

}  // namespace iba::imported
