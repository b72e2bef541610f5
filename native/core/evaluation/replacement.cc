#include "evaluation/replacement.h"

#include "runtime/device.h"

namespace iba {

at::Tensor Replacement::images(int64_t begin, int64_t end) const {
  std::vector<int64_t> chosen(counts.begin() + begin, counts.begin() + end);
  at::Tensor limits = sent_to(ranks.device(), at::tensor(chosen, at::kLong)).view({-1, 1, 1, 1});
  return at::where(ranks < limits, to, from);
}

std::vector<double> Replacement::shares(int64_t groups) const {
  std::vector<double> shares;
  for (int64_t count : counts) shares.push_back(static_cast<double>(count) / static_cast<double>(groups));
  return shares;
}

double area_under(const std::vector<double>& x, const std::vector<double>& y) {
  double area = 0;
  for (size_t i = 1; i < x.size(); ++i) area += (x[i] - x[i - 1]) * (y[i] + y[i - 1]) / 2;
  return area;
}

}  // namespace iba
