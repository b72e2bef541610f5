#include "evaluation/rows.h"

#include <algorithm>

namespace iba {

Tensor RowRunner::logits(int64_t rows, const Build& build) {
  std::vector<Tensor> found;
  for (int64_t begin = 0; begin < rows; begin += settings_.at_once) {
    settings_.cancellation.check();
    int64_t end = std::min(begin + settings_.at_once, rows);
    found.push_back(iba::logits(network_, build(begin, end)).to(at::kCPU, at::kDouble));
    done_ += end - begin;
    if (settings_.progress) settings_.progress(done_, total_);
  }
  return at::cat(found);
}

}  // namespace iba
