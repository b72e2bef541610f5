#pragma once

#include <memory>

namespace iba {

/// While it lives, large blocks of memory that tensors of this thread on the CPU no longer need are kept for
/// its next ones, at most 512 MiB. Where the same work is done for many images, that saves the system from
/// clearing fresh memory for each of them. What is left is given back at the end. Tensors may outlive it.
class ReusedMemory {
 public:
  ReusedMemory();
  ~ReusedMemory();
  ReusedMemory(const ReusedMemory&) = delete;
  ReusedMemory& operator=(const ReusedMemory&) = delete;

  class Blocks;

 private:
  std::shared_ptr<Blocks> before_;
};

}  // namespace iba
