#pragma once

#include <cstddef>
#include <memory>

namespace iba {

/// While it lives, tensors that this thread makes on the CPU may take so many bytes together. What the thread
/// made before, what other threads make and what is freed again doesn't count. LibTorch's allocator throws
/// MODEL beyond it. Outside of such a scope, tensors are made as ever.
class AllocationLimit {
 public:
  explicit AllocationLimit(size_t bytes);
  ~AllocationLimit();
  AllocationLimit(const AllocationLimit&) = delete;
  AllocationLimit& operator=(const AllocationLimit&) = delete;

  struct Account;

 private:
  std::shared_ptr<Account> before_;
};

/// How much memory a model file may take while it is tried: 4 GiB, or as many GiB as the environment variable
/// IBA_MODEL_MEMORY says.
size_t trial_memory();

}  // namespace iba
