#include "evaluation/similarity.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "error.h"

namespace iba {

namespace {

constexpr int64_t kSanityWindow = 5;

at::Tensor as_double(const at::Tensor& tensor) {
  return tensor.to(at::kCPU, at::kDouble).contiguous();
}

at::Tensor mean_ranks(const at::Tensor& tensor) {
  at::Tensor values = as_double(tensor).flatten();
  const double* value = values.const_data_ptr<double>();
  std::vector<int64_t> order(values.numel());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [value](int64_t a, int64_t b) { return value[a] < value[b]; });
  at::Tensor ranks = at::empty_like(values);
  double* rank = ranks.data_ptr<double>();
  for (size_t begin = 0, end; begin < order.size(); begin = end) {
    for (end = begin + 1; end < order.size() && value[order[end]] == value[order[begin]];) ++end;
    double shared = static_cast<double>(begin + end - 1) / 2;
    for (size_t i = begin; i < end; ++i) rank[order[i]] = shared;
  }
  return ranks;
}

at::Tensor unit_map(const at::Tensor& map) {
  at::Tensor values = as_double(map);
  at::Tensor bounds = at::quantile(values.flatten(), at::tensor({0.005, 0.995}, at::kDouble));
  double low = bounds[0].item<double>();
  double high = bounds[1].item<double>();
  return high > low ? (values.clamp(low, high) - low) / (high - low) : at::zeros_like(values);
}

}  // namespace

double pearson(const at::Tensor& a, const at::Tensor& b) {
  at::Tensor x = as_double(a).flatten();
  at::Tensor y = as_double(b).flatten();
  x = x - x.mean();
  y = y - y.mean();
  double norm = x.norm().item<double>() * y.norm().item<double>();
  return norm > 0 ? x.dot(y).item<double>() / norm : 0;
}

double spearman(const at::Tensor& a, const at::Tensor& b) {
  return pearson(mean_ranks(a), mean_ranks(b));
}

double ssim(const at::Tensor& a, const at::Tensor& b, int64_t window, double range) {
  if (window % 2 == 0 || window > std::min(a.size(0), a.size(1))) {
    throw Error(ErrorCode::invalid_argument, "Expected an odd window that fits into the maps.");
  }
  auto means = [&](const at::Tensor& values) {
    return at::avg_pool2d(values.unsqueeze(0), {window, window}, {1, 1})[0];
  };
  at::Tensor x = as_double(a);
  at::Tensor y = as_double(b);
  auto pixels = static_cast<double>(window * window);
  double unbiased = pixels / (pixels - 1);
  at::Tensor mean_x = means(x);
  at::Tensor mean_y = means(y);
  at::Tensor variance_x = unbiased * (means(x * x) - mean_x * mean_x);
  at::Tensor variance_y = unbiased * (means(y * y) - mean_y * mean_y);
  at::Tensor covariance = unbiased * (means(x * y) - mean_x * mean_y);
  double c1 = (0.01 * range) * (0.01 * range);
  double c2 = (0.03 * range) * (0.03 * range);
  at::Tensor luminance = (2 * mean_x * mean_y + c1) / (mean_x.square() + mean_y.square() + c1);
  at::Tensor structure = (2 * covariance + c2) / (variance_x + variance_y + c2);
  return (luminance * structure).mean().item<double>();
}

Similarity map_similarity(const at::Tensor& original, const at::Tensor& map) {
  at::Tensor a = unit_map(original);
  at::Tensor b = unit_map(map);
  double correlation = spearman(a, b);
  return {std::max(ssim(a, b, kSanityWindow, 1), ssim(a, 1 - b, kSanityWindow, 1)),
          std::max(correlation, -correlation)};
}

}  // namespace iba
