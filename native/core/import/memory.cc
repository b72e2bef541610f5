#include "import/memory.h"

namespace iba::imported {

void Memory::watch(const Item& item) {
  if (!item->value.isTensor() || !item->value.toTensor().has_storage()) return;
  items_.emplace(item->value.toTensor().storage().unsafeGetStorageImpl(), item);
}

void Memory::mark_views_stale(const Item& overwritten) {
  const Tensor& tensor = overwritten->value.toTensor();
  if (!tensor.has_storage()) return;
  auto [begin, end] = items_.equal_range(tensor.storage().unsafeGetStorageImpl());
  for (auto found = begin; found != end; ++found) {
    auto other = found->second.lock();
    // An item may have got other memory since, by being overwritten itself.
    if (!other || other == overwritten || !other->value.toTensor().is_alias_of(tensor)) continue;
    other->stale = true;
  }
}

}  // namespace iba::imported
