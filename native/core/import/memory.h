#pragma once

#include <unordered_map>

#include "import/item.h"

namespace iba::imported {

/// Which items of a recording lie in the same memory.
class Memory {
 public:
  void watch(const Item& item);

  /// Call before an item gets another value: its views are then no longer what they say.
  void mark_views_stale(const Item& overwritten);

 private:
  std::unordered_multimap<const void*, std::weak_ptr<Entry>> items_;  // by their storage
};

}  // namespace iba::imported
