#pragma once

#include "torch.h"

namespace iba::test {

/// Computes on one thread as long as it lives, for work in many small pieces.
class OneThread {
 public:
  OneThread() { at::set_num_threads(1); }
  ~OneThread() { at::set_num_threads(threads_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int threads_ = at::get_num_threads();
};

}  // namespace iba::test
