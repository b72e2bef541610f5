#pragma once

#include "runtime/cancellation.h"

namespace iba {

/// While it lives, `check_cancelled` on this thread asks this cancellation, however deep in the work.
class CancellationScope {
 public:
  explicit CancellationScope(const Cancellation& cancellation);
  ~CancellationScope();
  CancellationScope(const CancellationScope&) = delete;
  CancellationScope& operator=(const CancellationScope&) = delete;

 private:
  const Cancellation* outer_;
};

/// Throws ABORTED once the thread's work was cancelled.
void check_cancelled();

}  // namespace iba
