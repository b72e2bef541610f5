#include "bottleneck/resized_sum.h"

#include <algorithm>

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

bool is_plain(const at::Tensor& pixels) {
  return pixels.is_cpu() && pixels.scalar_type() == at::kFloat && pixels.is_contiguous();
}

/// The row of an enlarged map before it is enlarged along the row, as (w_i, C).
void mix_rows(const at::Tensor& map, int64_t image, Taps row, std::vector<float>& mixed) {
  int64_t length = map.size(2) * map.size(3);
  const float* data = map.const_data_ptr<float>() + image * map.size(1) * length;
  const float* upper = data + row.first * length;
  const float* lower = data + row.second * length;
  mixed.resize(static_cast<size_t>(length));
  float* out = mixed.data();
  float below = row.weight, above = 1 - below;
  for (int64_t i = 0; i < length; ++i) out[i] = above * upper[i] + below * lower[i];
}

/// Adds such a row to a row of the sum, enlarged.
void add_row(float* sum, int64_t width, int64_t channels, const float* mixed, int64_t mixed_width) {
  for (int64_t x = 0; x < width; ++x) {
    Taps column = taps_at(x, mixed_width, width);
    const float* first = mixed + column.first * channels;
    const float* second = mixed + column.second * channels;
    float* pixel = sum + x * channels;
    float right = column.weight, left = 1 - right;
    for (int64_t c = 0; c < channels; ++c) pixel[c] += left * first[c] + right * second[c];
  }
}

}  // namespace

void add_resized_and_rectify_rows(at::Tensor& rows, const std::vector<at::Tensor>& maps, int64_t image,
                                  int64_t first, int64_t height) {
  int64_t width = rows.size(1), channels = rows.size(2);
  float* data = rows.data_ptr<float>();
  at::parallel_for(0, rows.size(0), 1, [&](int64_t begin, int64_t end) {
    std::vector<float> mixed;
    for (int64_t y = begin; y < end; ++y) {
      float* row = data + y * width * channels;
      for (const auto& map : maps) {
        mix_rows(map, image, taps_at(first + y, map.size(1), height), mixed);
        add_row(row, width, channels, mixed.data(), map.size(2));
      }
      for (int64_t i = 0; i < width * channels; ++i) row[i] = std::max(row[i], 0.0f);
    }
  });
}

void add_resized_and_rectify(at::Tensor& sum, const std::vector<at::Tensor>& maps) {
  if (is_plain(sum) && std::all_of(maps.begin(), maps.end(), is_plain)) {
    for (int64_t image = 0; image < sum.size(0); ++image) {
      at::Tensor rows = sum[image];
      add_resized_and_rectify_rows(rows, maps, image, 0, sum.size(1));
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
