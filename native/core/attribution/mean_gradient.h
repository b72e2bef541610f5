#pragma once

#include <functional>

#include "attribution/passes.h"

namespace iba {

/// The mean gradient over copies of one image, which go through the network a few at a time. `copies(begin,
/// end)` makes those from `begin` to `end`, in order; `total` says how many there are. It
/// takes `runs_of(total, rows)` steps.
Tensor mean_gradient(const BackwardPass& pass, const Target& target, int64_t total, int64_t rows,
                     const std::function<Tensor(int64_t begin, int64_t end)>& copies, Steps& steps);

}  // namespace iba
