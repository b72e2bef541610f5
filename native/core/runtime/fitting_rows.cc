#include "runtime/fitting_rows.h"

#include <c10/core/CachingDeviceAllocator.h>

#include "runtime/rows.h"

namespace iba {

namespace {

/// Of what is free: memory is handed out in blocks, and others may want some.
constexpr double kShareOfFreeMemory = 0.8;

/// What work takes of a device's memory, from its beginning on.
class MemoryUse {
 public:
  explicit MemoryUse(at::Device device)
      : device_(device), allocator_(dynamic_cast<c10::DeviceAllocator*>(c10::GetAllocator(device.type()))) {
    if (allocator_ == nullptr) return;
    allocator_->resetPeakStats(device_.index());
    before_ = all(stats().allocated_bytes).current;
  }

  /// Whether as much again as the work took at its peak would have been there.
  bool could_be_doubled() const {
    if (allocator_ == nullptr) return false;
    const auto found = stats();
    const int64_t taken = all(found.allocated_bytes).peak - before_;
    const int64_t kept = all(found.reserved_bytes).current - all(found.allocated_bytes).current;
    const auto free = static_cast<int64_t>(allocator_->getMemoryInfo(device_.index()).first);
    return 2 * static_cast<double>(taken) <= kShareOfFreeMemory * static_cast<double>(free + kept);
  }

 private:
  c10::CachingDeviceAllocator::DeviceStats stats() const {
    return allocator_->getDeviceStats(device_.index());
  }
  static const c10::CachingAllocator::Stat& all(const c10::CachingAllocator::StatArray& stats) {
    return stats[static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE)];
  }

  at::Device device_;
  c10::DeviceAllocator* allocator_;
  int64_t before_ = 0;
};

}  // namespace

void FittingRows::run(at::Device device, const std::function<void(int64_t)>& work) {
  if (!adapts_ || device.is_cpu()) return work(rows_);
  for (;;) {
    const MemoryUse memory(device);
    const RunsWatch runs;
    try {
      work(rows_);
      if (2 * rows_ <= most_ && runs.were_several() && memory.could_be_doubled()) rows_ *= 2;
      return;
    } catch (const c10::OutOfMemoryError&) {
      if (rows_ == 1) throw;
    }
    rows_ /= 2;
    most_ = rows_;
  }
}

}  // namespace iba
