#include "attribution/mean_gradient.h"

namespace iba {

Tensor mean_gradient(const BackwardPass& pass, const Target& target, int64_t total, int64_t rows,
                     const std::function<Tensor(int64_t begin, int64_t end)>& copies, Steps& steps) {
  Tensor sum;
  for_each_run(total, rows, [&](int64_t begin, int64_t end) {
    steps.check();
    Tensor part = pass.run(copies(begin, end), {target}).sum(0);
    sum = sum.defined() ? sum.add_(part) : part;
    steps.finish();
  });
  return sum.div_(static_cast<double>(total));
}

}  // namespace iba
