#include "attribution/mean_gradient.h"

#include "runtime/device.h"

namespace iba {

namespace {

using Copies = std::function<Tensor(int64_t begin, int64_t end)>;

/// The sum over all copies of `reduce(gradients, begin, end)`.
template <typename Reduce>
Tensor sum_over_copies(const BackwardPass& pass, int64_t target, int64_t total, int64_t rows,
                       const Copies& copies, Steps& steps, const Reduce& reduce) {
  Tensor sum;
  for_each_run(total, rows, [&](int64_t begin, int64_t end) {
    steps.check();
    Tensor gradients = pass.run(copies(begin, end), std::vector<int64_t>(end - begin, target));
    Tensor part = reduce(gradients, begin, end);
    sum = sum.defined() ? sum.add_(part) : part;
    steps.finish();
  });
  return sum;
}

}  // namespace

Tensor mean_gradient(const BackwardPass& pass, int64_t target, int64_t total, int64_t rows,
                     const Copies& copies, Steps& steps) {
  auto sum = [](const Tensor& gradients, int64_t, int64_t) { return gradients.sum(0); };
  return sum_over_copies(pass, target, total, rows, copies, steps, sum).div_(static_cast<double>(total));
}

Tensor weighted_gradient(const BackwardPass& pass, int64_t target, const Tensor& weights, int64_t rows,
                         const Copies& copies, Steps& steps) {
  auto sum = [&](const Tensor& gradients, int64_t begin, int64_t end) {
    Tensor factors = sent_to(gradients.device(), weights.slice(0, begin, end).to(gradients.scalar_type()));
    return (gradients * factors.view({-1, 1, 1, 1})).sum(0);
  };
  return sum_over_copies(pass, target, weights.size(0), rows, copies, steps, sum);
}

}  // namespace iba
