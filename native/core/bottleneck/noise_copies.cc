#include "bottleneck/noise_copies.h"

#include <algorithm>
#include <limits>

#include "runtime/widest_vectors.h"

namespace iba {

namespace {

/// So many numbers of a signal stay in a cache while its copies are gone through.
constexpr int64_t kBlock = 4096;

/// Calls `block(signal, copies, length)` with where the block begins in an image's signal and in its first
/// copy, for blocks of all images, in parallel.
template <typename Block>
void for_each_block(const at::Tensor& noise, const Block& block) {
  const int64_t images = noise.size(0), copies = noise.size(1), plane = noise.numel() / (images * copies);
  const int64_t blocks = (plane + kBlock - 1) / kBlock;
  at::parallel_for(0, images * blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t image = i / blocks, start = i % blocks * kBlock;
      block(image * plane + start, image * copies * plane + start, std::min(kBlock, plane - start));
    }
  });
}

}  // namespace

bool passes_over_copies(const at::Tensor& noise) {
  return noise.is_cpu() && noise.scalar_type() == at::kFloat && noise.is_contiguous() && noise.numel() > 0;
}

at::Tensor mix_copies(const at::Tensor& signal, const at::Tensor& scale, const at::Tensor& noise,
                      bool rectifies) {
  at::Tensor mixed = at::empty(noise.sizes(), noise.options().dtype(at::kBFloat16));
  const at::Tensor plain_signal = signal.contiguous(), plain_scale = scale.contiguous();
  const int64_t copies = noise.size(1), plane = plain_signal.numel() / noise.size(0);
  const float least = rectifies ? 0 : -std::numeric_limits<float>::infinity();
  for_each_block(noise, [&](int64_t of_signal, int64_t of_copies, int64_t length) {
    const float* level = plain_signal.const_data_ptr<float>() + of_signal;
    const float* factor = plain_scale.const_data_ptr<float>() + of_signal;
    for (int64_t copy = 0; copy < copies; ++copy) {
      const float* drawn = noise.const_data_ptr<float>() + of_copies + copy * plane;
      auto* out = mixed.mutable_data_ptr<at::BFloat16>() + of_copies + copy * plane;
      in_widest_vectors(length,
                        [=](int64_t i) { out[i] = std::max(level[i] + factor[i] * drawn[i], least); });
    }
  });
  return mixed;
}

CopySums sum_copies(const at::Tensor& gradient, const at::Tensor& noise, const at::Tensor& mixed) {
  const at::Tensor plain = gradient.contiguous();
  const int64_t copies = noise.size(1), plane = noise[0][0].numel();
  CopySums sums{at::zeros_like(noise.select(1, 0)), at::zeros_like(noise.select(1, 0))};
  for_each_block(noise, [&](int64_t of_signal, int64_t of_copies, int64_t length) {
    float* sum = sums.gradient.mutable_data_ptr<float>() + of_signal;
    float* by_noise = sums.gradient_by_noise.mutable_data_ptr<float>() + of_signal;
    for (int64_t copy = 0; copy < copies; ++copy) {
      const int64_t start = of_copies + copy * plane;
      const auto* arrived = plain.const_data_ptr<at::BFloat16>() + start;
      const float* drawn = noise.const_data_ptr<float>() + start;
      if (mixed.defined()) {
        const auto* passed = mixed.const_data_ptr<at::BFloat16>() + start;
        in_widest_vectors(length, [=](int64_t i) {
          const float number = arrived[i], counted = static_cast<float>(passed[i]) > 0 ? number : 0;
          sum[i] += counted;
          by_noise[i] += counted * drawn[i];
        });
      } else {
        in_widest_vectors(length, [=](int64_t i) {
          const float number = arrived[i];
          sum[i] += number;
          by_noise[i] += number * drawn[i];
        });
      }
    }
  });
  return sums;
}

}  // namespace iba
