#include "support/closed_memory.h"

#include <sys/mman.h>

#include <iterator>
#include <map>
#include <mutex>
#include <new>
#include <utility>

namespace iba::test {

namespace {

struct Allocation {
  size_t size;
  int opened = 0;
};

constexpr int64_t kAllMemory = int64_t{1} << 40;

/// Never destroyed: tensors may outlive static objects.
struct Allocations {
  std::mutex mutex;
  int64_t limit = kAllMemory;
  c10::CachingAllocator::Stat bytes;
  std::map<const void*, Allocation> by_address;

  static Allocations& all() {
    static auto* allocations = new Allocations;
    return *allocations;
  }

  /// The one that an address lies in.
  std::pair<const void* const, Allocation>& around(const void* address) {
    return *std::prev(by_address.upper_bound(address));
  }
};

void protect(const void* memory, size_t size, int protection) {
  TORCH_CHECK(mprotect(const_cast<void*>(memory), size, protection) == 0, "mprotect failed");
}

void release(void* memory) {
  auto& allocations = Allocations::all();
  std::lock_guard lock(allocations.mutex);
  auto found = allocations.by_address.find(memory);
  munmap(memory, found->second.size);
  allocations.bytes.decrease(found->second.size);
  allocations.by_address.erase(found);
}

}  // namespace

c10::DataPtr ClosedMemory::allocate(size_t size) {
  if (size == 0) return {nullptr, device_};
  auto& allocations = Allocations::all();
  std::lock_guard lock(allocations.mutex);
  const int64_t free = allocations.limit - allocations.bytes.current;
  TORCH_CHECK_WITH(OutOfMemoryError, static_cast<int64_t>(size) <= free, "Tried to allocate ", size,
                   " bytes, of which ", free, " are free.");
  void* memory = mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  allocations.by_address[memory] = {size};
  allocations.bytes.increase(size);
  return {memory, memory, &release, device_};
}

void ClosedMemory::copy_data(void* to, const void* from, size_t size) const {
  Opened target(to), source(from);
  default_copy_data(to, from, size);
}

c10::CachingDeviceAllocator::DeviceStats ClosedMemory::getDeviceStats(c10::DeviceIndex) {
  auto& allocations = Allocations::all();
  std::lock_guard lock(allocations.mutex);
  constexpr auto kAll = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  c10::CachingDeviceAllocator::DeviceStats stats;
  stats.allocated_bytes[kAll] = allocations.bytes;
  stats.reserved_bytes[kAll] = allocations.bytes;
  return stats;
}

void ClosedMemory::resetPeakStats(c10::DeviceIndex) {
  auto& allocations = Allocations::all();
  std::lock_guard lock(allocations.mutex);
  allocations.bytes.reset_peak();
}

std::pair<size_t, size_t> ClosedMemory::getMemoryInfo(c10::DeviceIndex) {
  auto& allocations = Allocations::all();
  std::lock_guard lock(allocations.mutex);
  return {static_cast<size_t>(allocations.limit - allocations.bytes.current),
          static_cast<size_t>(allocations.limit)};
}

MemoryLimit::MemoryLimit(int64_t bytes) {
  auto& allocations = Allocations::all();
  std::lock_guard lock(allocations.mutex);
  allocations.limit = allocations.bytes.current + bytes;
}

MemoryLimit::~MemoryLimit() {
  auto& allocations = Allocations::all();
  std::lock_guard lock(allocations.mutex);
  allocations.limit = kAllMemory;
}

int64_t memory_taken_by(const std::function<void()>& work) {
  auto& allocations = Allocations::all();
  const int64_t before = allocations.bytes.current;
  allocations.bytes.reset_peak();
  work();
  return allocations.bytes.peak - before;
}

bool is_closed(const void* address) {
  auto& allocations = Allocations::all();
  std::lock_guard lock(allocations.mutex);
  auto after = allocations.by_address.upper_bound(address);
  if (after == allocations.by_address.begin()) return false;
  const auto& [begin, allocation] = *std::prev(after);
  return address < static_cast<const char*>(begin) + allocation.size;
}

Opened::Opened(const void* memory) : memory_(memory) {
  if (!memory_) return;
  auto& allocations = Allocations::all();
  std::lock_guard lock(allocations.mutex);
  auto& [begin, allocation] = allocations.around(memory_);
  if (allocation.opened++ == 0) protect(begin, allocation.size, PROT_READ | PROT_WRITE);
}

Opened::~Opened() {
  if (!memory_) return;
  auto& allocations = Allocations::all();
  std::lock_guard lock(allocations.mutex);
  auto& [begin, allocation] = allocations.around(memory_);
  if (--allocation.opened == 0) mprotect(const_cast<void*>(begin), allocation.size, PROT_NONE);
}

}  // namespace iba::test
