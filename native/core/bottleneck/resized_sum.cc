#include "bottleneck/resized_sum.h"

#include <algorithm>

#include "runtime/widest_vectors.h"

namespace iba {

namespace {

/// Which two pixels of an axis a bilinear resize reads for a place, and the weight of the second.
struct Taps {
  int64_t first;
  int64_t second;
  float weight;
};

Taps taps_at(int64_t place, int64_t from, int64_t to) {
  if (to < 2 || from < 2) return {0, 0, 0};
  double position = static_cast<double>(place) * static_cast<double>(from - 1) / static_cast<double>(to - 1);
  auto first = std::min(static_cast<int64_t>(position), from - 1);
  return {first, std::min(first + 1, from - 1), static_cast<float>(position - static_cast<double>(first))};
}

bool is_plain(const at::Tensor& pixels, at::ScalarType type) {
  return pixels.is_cpu() && pixels.scalar_type() == type && pixels.is_contiguous();
}

/// upper · (1 - below) + lower · below
template <typename Number>
IBA_VECTOR_CLONES void mix(const Number* upper, const Number* lower, float below, int64_t length,
                           float* out) {
  float above = 1 - below;
  for (int64_t i = 0; i < length; ++i)
    out[i] = above * static_cast<float>(upper[i]) + below * static_cast<float>(lower[i]);
}

IBA_VECTOR_CLONES void add_mixed(const float* left, const float* right, float weight, int64_t length,
                                 float* sum) {
  float other = 1 - weight;
  for (int64_t i = 0; i < length; ++i) sum[i] += other * left[i] + weight * right[i];
}

template <typename Number>
IBA_VECTOR_CLONES void widen(const Number* values, int64_t length, float* out) {
  for (int64_t i = 0; i < length; ++i) out[i] = values[i];
}

template <typename Number>
IBA_VECTOR_CLONES void rectify(const float* values, int64_t length, Number* out) {
  for (int64_t i = 0; i < length; ++i) out[i] = std::max(values[i], 0.0f);
}

/// The row of an enlarged map before it is enlarged along the row, as (w_i, C).
template <typename Number>
void mix_rows(const at::Tensor& map, int64_t image, Taps row, std::vector<float>& mixed) {
  int64_t length = map.size(2) * map.size(3);
  const Number* data = map.const_data_ptr<Number>() + image * map.size(1) * length;
  mixed.resize(static_cast<size_t>(length));
  mix(data + row.first * length, data + row.second * length, row.weight, length, mixed.data());
}

/// Adds a pixel of such a row, enlarged along the row.
void add_pixel(float* sum, int64_t channels, const float* mixed, Taps column) {
  add_mixed(mixed + column.first * channels, mixed + column.second * channels, column.weight, channels, sum);
}

/// The same for numbers of one type. A pixel is summed up in float, and rounded once.
template <typename Number>
void add_maps_and_rectify(at::Tensor& sum, const std::vector<at::Tensor>& maps, int64_t image) {
  int64_t height = sum.size(0), width = sum.size(1), channels = sum.size(2);
  Number* data = sum.data_ptr<Number>();
  at::parallel_for(0, height, 1, [&](int64_t begin, int64_t end) {
    std::vector<std::vector<float>> mixed(maps.size());
    std::vector<float> added(static_cast<size_t>(channels));
    for (int64_t y = begin; y < end; ++y) {
      for (size_t i = 0; i < maps.size(); ++i) {
        mix_rows<Number>(maps[i], image, taps_at(y, maps[i].size(1), height), mixed[i]);
      }
      // A pixel stays in the processor's nearest cache until it is done.
      for (int64_t x = 0; x < width; ++x) {
        Number* pixel = data + (y * width + x) * channels;
        widen(pixel, channels, added.data());
        for (size_t i = 0; i < maps.size(); ++i) {
          add_pixel(added.data(), channels, mixed[i].data(), taps_at(x, maps[i].size(2), width));
        }
        rectify(added.data(), channels, pixel);
      }
    }
  });
}

}  // namespace

void add_resized_and_rectify(at::Tensor& sum, const std::vector<at::Tensor>& maps, int64_t image) {
  if (sum.scalar_type() == at::kBFloat16) {
    add_maps_and_rectify<at::BFloat16>(sum, maps, image);
  } else {
    add_maps_and_rectify<float>(sum, maps, image);
  }
}

void add_resized_and_rectify(at::Tensor& sum, const std::vector<at::Tensor>& maps) {
  const auto type = sum.scalar_type();
  auto is_plain_map = [&](const at::Tensor& map) { return is_plain(map, type); };
  if ((type == at::kFloat || type == at::kBFloat16) && is_plain_map(sum) &&
      std::all_of(maps.begin(), maps.end(), is_plain_map)) {
    for (int64_t image = 0; image < sum.size(0); ++image) {
      at::Tensor rows = sum[image];
      add_resized_and_rectify(rows, maps, image);
    }
    return;
  }
  for (const auto& map : maps) {
    at::Tensor image = map.permute({0, 3, 1, 2});
    sum.add_(at::upsample_bilinear2d(image, {sum.size(1), sum.size(2)}, true).permute({0, 2, 3, 1}));
  }
  sum.relu_();
}

at::Tensor resize_backward(const at::Tensor& gradient, int64_t height, int64_t width) {
  if (gradient.size(1) == height && gradient.size(2) == width) return gradient;
  if (height == 1 && width == 1) return gradient.sum({1, 2}, true);
  at::Tensor image = gradient.permute({0, 3, 1, 2});
  return at::upsample_bilinear2d_backward(image, {image.size(2), image.size(3)},
                                          {image.size(0), image.size(1), height, width}, true)
      .permute({0, 2, 3, 1})
      .contiguous();
}

}  // namespace iba
