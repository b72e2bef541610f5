#pragma once

#include <c10/core/CachingDeviceAllocator.h>

#include <cstdint>
#include <functional>
#include <utility>

/// Memory that faults when it is touched, until it is opened.
namespace iba::test {

class ClosedMemory : public c10::DeviceAllocator {
 public:
  explicit ClosedMemory(c10::Device device) : device_(device) {}

  /// Throws c10::OutOfMemoryError beyond the limit.
  c10::DataPtr allocate(size_t size) override;
  void copy_data(void* to, const void* from, size_t size) const override;

  bool initialized() override { return true; }
  void emptyCache(c10::MempoolId_t) override {}
  void recordStream(const c10::DataPtr&, c10::Stream) override {}
  c10::CachingDeviceAllocator::DeviceStats getDeviceStats(c10::DeviceIndex) override;
  void resetAccumulatedStats(c10::DeviceIndex) override {}
  void resetPeakStats(c10::DeviceIndex) override;
  /// Free and in all.
  std::pair<size_t, size_t> getMemoryInfo(c10::DeviceIndex) override;

 private:
  c10::Device device_;
};

/// As long as it lives, there are only so many bytes more of such memory than are in use at its beginning.
class MemoryLimit {
 public:
  explicit MemoryLimit(int64_t bytes);
  ~MemoryLimit();
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;
};

/// How many bytes of such memory were in use at most while `work` ran, beyond those before.
int64_t memory_taken_by(const std::function<void()>& work);

/// Whether an address lies in such memory, opened or not.
bool is_closed(const void* address);

/// Opens an allocation of such memory, by an address in it, as long as this lives.
class Opened {
 public:
  explicit Opened(const void* memory);
  ~Opened();
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

 private:
  const void* memory_;
};

}  // namespace iba::test
