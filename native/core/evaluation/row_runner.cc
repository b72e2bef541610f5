#include "evaluation/row_runner.h"

#include "runtime/rows.h"

namespace iba {

Tensor RowRunner::logits(int64_t rows, const Build& build) {
  std::vector<Tensor> found;
  for_each_run(rows, settings_.rows, [&](int64_t begin, int64_t end) {
    settings_.cancellation.check();
    found.push_back(iba::logits(network_, build(begin, end)).to(at::kCPU, at::kDouble));
    done_ += end - begin;
    if (settings_.progress) settings_.progress(done_, total_);
  });
  return at::cat(found);
}

}  // namespace iba
