#include "runtime/allocation_limit.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <unordered_map>

#include "error.h"

namespace iba {

namespace {

constexpr double kGibibyte = 1024.0 * 1024 * 1024;
constexpr double kUsualGibibytes = 4;

}  // namespace

struct AllocationLimit::Account {
  size_t limit;
  std::atomic<size_t> taken{0};

  void take(size_t bytes) {
    size_t before = taken.fetch_add(bytes);
    if (bytes <= limit && before <= limit - bytes) return;
    taken.fetch_sub(bytes);
    char text[64];
    std::snprintf(text, sizeof(text), "%.3g", static_cast<double>(limit) / kGibibyte);
    throw Error(ErrorCode::model, "The model takes more than " + std::string(text) +
                                      " GiB of memory while it is tried. If that is right, set the "
                                      "environment variable IBA_MODEL_MEMORY to more GiB.");
  }
};

namespace {

thread_local std::shared_ptr<AllocationLimit::Account> current_account;

/// The blocks of memory that count, and whom they count for. Never destroyed: tensors may outlive it.
class Blocks {
 public:
  void add(void* data, std::shared_ptr<AllocationLimit::Account> account, size_t bytes) {
    std::lock_guard lock(mutex_);
    blocks_[data] = {std::move(account), bytes};
  }

  void remove(void* data) {
    std::lock_guard lock(mutex_);
    auto found = blocks_.find(data);
    if (found == blocks_.end()) return;
    found->second.account->taken.fetch_sub(found->second.bytes);
    blocks_.erase(found);
  }

 private:
  struct Block {
    std::shared_ptr<AllocationLimit::Account> account;
    size_t bytes;
  };

  std::mutex mutex_;
  std::unordered_map<void*, Block> blocks_;
};

Blocks& blocks() {
  static Blocks& all = *new Blocks;
  return all;
}

c10::Allocator* plain_allocator = nullptr;

/// The allocator that LibTorch had before, with an account where a limit is in force.
class CountingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    if (!current_account || bytes == 0) return plain_allocator->allocate(bytes);
    current_account->take(bytes);
    void* data = plain_allocator->raw_allocate(bytes);
    blocks().add(data, current_account, bytes);
    return {data, data, &free_block, at::Device(at::kCPU)};
  }

  /// Of any block, counted or not.
  c10::DeleterFnPtr raw_deleter() const override { return &free_block; }

  void copy_data(void* to, const void* from, size_t bytes) const override {
    plain_allocator->copy_data(to, from, bytes);
  }

 private:
  static void free_block(void* data) {
    blocks().remove(data);
    plain_allocator->raw_deallocate(data);
  }
};

CountingAllocator counting_allocator;

const bool is_registered = [] {
  plain_allocator = c10::GetCPUAllocator();
  c10::SetCPUAllocator(&counting_allocator);
  return true;
}();

}  // namespace

AllocationLimit::AllocationLimit(size_t bytes) : before_(std::move(current_account)) {
  current_account = std::make_shared<Account>();
  current_account->limit = bytes;
}

AllocationLimit::~AllocationLimit() {
  current_account = std::move(before_);
}

size_t trial_memory() {
  const char* given = std::getenv("IBA_MODEL_MEMORY");
  if (!given) return static_cast<size_t>(kUsualGibibytes * kGibibyte);
  char* end = nullptr;
  double gibibytes = std::strtod(given, &end);
  bool is_number = end != given && *end == '\0' && gibibytes > 0 && gibibytes <= 1e6;
  if (!is_number) {
    throw Error(ErrorCode::invalid_argument, "The environment variable IBA_MODEL_MEMORY is '" +
                                                 std::string(given) + "', expected a number of GiB.");
  }
  return static_cast<size_t>(gibibytes * kGibibyte);
}

}  // namespace iba
