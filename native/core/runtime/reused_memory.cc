#include "runtime/reused_memory.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#include <map>
#include <mutex>
#include <optional>
#include <unordered_map>

namespace iba {

namespace {

/// The system clears memory of at least this size anew for each allocation.
constexpr size_t kLarge = 1 << 20;
constexpr size_t kMostKept = size_t{512} << 20;

c10::Allocator* underlying_allocator = nullptr;

}  // namespace

/// Blocks that wait for a tensor of about their size.
class ReusedMemory::Blocks {
 public:
  ~Blocks() { close(); }

  /// A block of at least so many bytes and not many more, or null.
  std::pair<void*, size_t> take(size_t bytes) {
    std::lock_guard lock(mutex_);
    auto found = free_.lower_bound(bytes);
    if (found == free_.end() || found->first > bytes + bytes / 4) return {nullptr, 0};
    auto [size, data] = *found;
    free_.erase(found);
    kept_ -= size;
    return {data, size};
  }

  /// Whether it keeps the block.
  bool keep(void* data, size_t bytes) {
    std::lock_guard lock(mutex_);
    if (is_closed_ || kept_ + bytes > kMostKept) return false;
    free_.emplace(bytes, data);
    kept_ += bytes;
    return true;
  }

  void close() {
    std::lock_guard lock(mutex_);
    is_closed_ = true;
    for (auto& [bytes, data] : free_) underlying_allocator->raw_deallocate(data);
    free_.clear();
  }

 private:
  std::mutex mutex_;
  std::multimap<size_t, void*> free_;
  size_t kept_ = 0;
  bool is_closed_ = false;
};

namespace {

thread_local std::shared_ptr<ReusedMemory::Blocks> current_blocks;

struct Origin {
  std::shared_ptr<ReusedMemory::Blocks> blocks;
  size_t bytes;
};

/// Where the large blocks in use came from. Never destroyed: tensors may outlive it.
class Origins {
 public:
  void add(void* data, Origin origin) {
    std::lock_guard lock(mutex_);
    origins_[data] = std::move(origin);
  }

  std::optional<Origin> remove(void* data) {
    std::lock_guard lock(mutex_);
    auto found = origins_.find(data);
    if (found == origins_.end()) return std::nullopt;
    Origin origin = std::move(found->second);
    origins_.erase(found);
    return origin;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<void*, Origin> origins_;
};

Origins& origins() {
  static Origins& all = *new Origins;
  return all;
}

class ReusingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    if (!current_blocks || bytes < kLarge) return underlying_allocator->allocate(bytes);
    auto [data, size] = current_blocks->take(bytes);
    if (!data) {
      data = underlying_allocator->raw_allocate(bytes);
      size = bytes;
    }
    origins().add(data, {current_blocks, size});
    return {data, data, &free_block, at::Device(at::kCPU)};
  }

  /// Of any block.
  c10::DeleterFnPtr raw_deleter() const override { return &free_block; }

  void copy_data(void* to, const void* from, size_t bytes) const override {
    underlying_allocator->copy_data(to, from, bytes);
  }

 private:
  static void free_block(void* data) {
    auto origin = origins().remove(data);
    if (origin && origin->blocks->keep(data, origin->bytes)) return;
    underlying_allocator->raw_deallocate(data);
  }
};

ReusingAllocator reusing_allocator;

const bool is_installed = [] {
  underlying_allocator = c10::GetCPUAllocator();
  c10::SetCPUAllocator(&reusing_allocator);
  return true;
}();

}  // namespace

ReusedMemory::ReusedMemory() : before_(std::move(current_blocks)) {
  current_blocks = std::make_shared<Blocks>();
}

ReusedMemory::~ReusedMemory() {
  current_blocks->close();
  current_blocks = std::move(before_);
}

}  // namespace iba
