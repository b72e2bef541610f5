#include "memory.h"

#include <c10/core/CachingDeviceAllocator.h>
#include <sys/resource.h>

namespace iba::bench {

namespace {

constexpr double kMega = 1e6;
#ifdef __APPLE__
constexpr double kResidentUnit = 1;
#else
constexpr double kResidentUnit = 1024;
#endif

}  // namespace

void watch_memory(at::Device device) {
  if (!device.is_cpu()) at::getDeviceAllocator(device.type())->resetPeakStats(device.index());
}

double peak_megabytes(at::Device device) {
  if (!device.is_cpu()) {
    auto stats = at::getDeviceAllocator(device.type())->getDeviceStats(device.index());
    constexpr auto kAll = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    return static_cast<double>(stats.allocated_bytes[kAll].peak) / kMega;
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * kResidentUnit / kMega;
}

}  // namespace iba::bench
