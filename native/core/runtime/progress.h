#pragma once

#include <cstdint>
#include <functional>

namespace iba {

/// Called as work goes on, with how many of its steps are done.
using StepProgress = std::function<void(int64_t done, int64_t total)>;

}  // namespace iba
