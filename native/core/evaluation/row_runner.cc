#include "evaluation/row_runner.h"

#include "runtime/rows.h"

namespace iba {

Tensor RowRunner::logits(int64_t rows, const Build& build) {
  std::vector<Tensor> found;
  const int64_t done_before = done_;
  rows_.run(network_.device(), [&](int64_t together) {
    found.clear();
    done_ = done_before;
    for_each_run(rows, together, [&](int64_t begin, int64_t end) {
      settings_.cancellation.check();
      found.push_back(activations(network_, build(begin, end), {network_.output})[0]);
      done_ += end - begin;
      if (settings_.progress) settings_.progress(done_, total_);
    });
  });
  // Read once: a device goes on without waiting for the host.
  Tensor logits = at::cat(found).to(at::kCPU, at::kDouble);
  require_probabilities(logits);
  return logits;
}

}  // namespace iba
