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

/// Adds the pixel that a map has at a place of the sum.
void add_pixel(float* sum, const at::Tensor& map, int64_t image, Taps row, Taps column) {
  int64_t width = map.size(2), channels = map.size(3);
  const float* data = map.const_data_ptr<float>() + image * map.size(1) * width * channels;
  if (row.weight == 0 && column.weight == 0) {
    const float* pixel = data + (row.first * width + column.first) * channels;
    for (int64_t c = 0; c < channels; ++c) sum[c] += pixel[c];
    return;
  }
  const float* upper_left = data + (row.first * width + column.first) * channels;
  const float* upper_right = data + (row.first * width + column.second) * channels;
  const float* lower_left = data + (row.second * width + column.first) * channels;
  const float* lower_right = data + (row.second * width + column.second) * channels;
  float lower = row.weight, upper = 1 - lower, right = column.weight, left = 1 - right;
  float a = upper * left, b = upper * right, c = lower * left, d = lower * right;
  for (int64_t i = 0; i < channels; ++i) {
    sum[i] += a * upper_left[i] + b * upper_right[i] + c * lower_left[i] + d * lower_right[i];
  }
}

void add_in_one_pass(at::Tensor& sum, const std::vector<at::Tensor>& maps) {
  int64_t height = sum.size(1), width = sum.size(2), channels = sum.size(3);
  float* data = sum.data_ptr<float>();
  at::parallel_for(0, sum.size(0) * height, 1, [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line) {
      int64_t image = line / height, y = line % height;
      for (int64_t x = 0; x < width; ++x) {
        float* pixel = data + (line * width + x) * channels;
        for (const auto& map : maps) {
          add_pixel(pixel, map, image, taps_at(y, map.size(1), height), taps_at(x, map.size(2), width));
        }
        for (int64_t c = 0; c < channels; ++c) pixel[c] = std::max(pixel[c], 0.0f);
      }
    }
  });
}

}  // namespace

void add_resized_and_rectify(at::Tensor& sum, const std::vector<at::Tensor>& maps) {
  if (is_plain(sum) && std::all_of(maps.begin(), maps.end(), is_plain)) return add_in_one_pass(sum, maps);
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
