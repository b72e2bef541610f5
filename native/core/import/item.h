#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/stack.h>

#include "network/network.h"

namespace iba::imported {

struct Entry;

/// A value of a program that is being recorded. Names of the program that mean one object share one.
using Item = std::shared_ptr<Entry>;

/// What is known of such a value. A program is executed on example images while it is recorded, so that every
/// value is known for these.
struct Entry {
  at::IValue value;
  /// Of a list, a tuple, or a dict (its values, in the order of `keys`).
  std::optional<std::vector<Item>> elements;
  std::vector<std::string> keys;

  /// The value's number in the network. Absent where it is a constant: the same for every batch.
  std::optional<ValueId> id;
  /// Computed from the pixels, not from the images' shape alone.
  bool from_pixels = false;
  /// Computed from the images' shape, and, if so, whether images of another size give another value.
  bool from_shape = false;
  bool from_size = false;
  /// Its memory was overwritten through another view, so that it is no longer what `id` says.
  bool stale = false;

  /// Of a module: its dotted path, which is empty for the model itself.
  std::string path;
};

Item make_item(at::IValue value);
Item make_list(std::vector<Item> elements);

/// The elements of a list or a tuple, which are spread out where the item holds a plain constant.
std::vector<Item>& elements_of(const Item& item);

/// The item's value with all elements filled in, as a value of the type where one is given.
at::IValue value_of(const Item& item, const at::TypePtr& type = nullptr);

/// Bounds a walk through lists in lists, which may hold one another, or themselves.
class Walk {
 public:
  /// Goes into an item. Throws MODEL after a million of them, or 64 deep.
  void enter();
  void leave() { --depth_; }

 private:
  size_t left_ = 1'000'000;
  size_t depth_ = 0;
};

/// Calls `visit` for the item and everything inside it.
template <typename Visitor>
void visit_items(const Item& item, const Visitor& visit, Walk&& walk = {}) {
  walk.enter();
  visit(*item);
  if (item->elements) {
    for (const auto& element : *item->elements) visit_items(element, visit, std::move(walk));
  }
  walk.leave();
}

/// The first tensor in it, depth first, or null.
Item first_tensor(const Item& item);

}  // namespace iba::imported
