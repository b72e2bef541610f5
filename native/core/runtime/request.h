#pragma once

#include <cstdint>
#include <functional>

namespace iba {

/// One image of a batch: what to explain, and the seed of its noise. A negative target means the predicted
/// class.
struct Request {
  int64_t target = -1;
  uint64_t seed = 0;
};

/// Called as work goes on, with how many of its steps are done.
using StepProgress = std::function<void(int64_t done, int64_t total)>;

}  // namespace iba
