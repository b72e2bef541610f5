#include "image/resample.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace iba {

namespace {

// Pillow's fixed point: 8 bits are the pixel's, and 2 are left for sums that overshoot.
constexpr int kBits = 32 - 8 - 2;
constexpr int32_t kHalf = 1 << (kBits - 1);

/// The pixels that one resized pixel is the weighted sum of.
struct Taps {
  int64_t first;
  std::vector<int32_t> weights;

  int64_t end() const { return first + static_cast<int64_t>(weights.size()); }
};

/// Rounded away from zero where it lies in the middle.
int32_t fixed_point(double weight) {
  return static_cast<int32_t>(weight * (1 << kBits) + (weight < 0 ? -0.5 : 0.5));
}

/// The filter is scaled to a resized pixel, or to a pixel of the picture where that is wider.
Taps taps_of(int64_t index, int64_t from, int64_t to, Interpolation interpolation) {
  double scale = static_cast<double>(from) / static_cast<double>(to);
  double stretch = std::max(scale, 1.0);
  double reach = reach_of(interpolation) * stretch;
  double centre = (static_cast<double>(index) + 0.5) * scale;
  int64_t first = std::max<int64_t>(static_cast<int64_t>(centre - reach + 0.5), 0);
  int64_t end = std::min(static_cast<int64_t>(centre + reach + 0.5), from);

  std::vector<double> shares;
  double sum = 0;
  for (int64_t i = first; i < end; ++i) {
    double distance = (static_cast<double>(i) - centre + 0.5) * (1 / stretch);
    shares.push_back(filter(interpolation, distance));
    sum += shares.back();
  }
  Taps taps{first, {}};
  for (double share : shares) taps.weights.push_back(fixed_point(share / sum));
  return taps;
}

std::vector<Taps> axis(int64_t from, int64_t to, int64_t begin, int64_t count, Interpolation interpolation) {
  std::vector<Taps> all;
  for (int64_t i = 0; i < count; ++i) all.push_back(taps_of(begin + i, from, to, interpolation));
  return all;
}

uint8_t to_byte(int32_t sum) {
  return static_cast<uint8_t>(std::clamp(sum >> kBits, 0, 255));
}

/// One row (W, 3), to as many pixels as there are taps.
void resample_row(const uint8_t* row, const std::vector<Taps>& columns, uint8_t* into) {
  for (const Taps& taps : columns) {
    int32_t red = kHalf, green = kHalf, blue = kHalf;
    const uint8_t* pixel = row + 3 * taps.first;
    for (int32_t weight : taps.weights) {
      red += weight * pixel[0];
      green += weight * pixel[1];
      blue += weight * pixel[2];
      pixel += 3;
    }
    *into++ = to_byte(red);
    *into++ = to_byte(green);
    *into++ = to_byte(blue);
  }
}

/// The weighted sum of rows that lie one behind the other.
void sum_rows(const uint8_t* rows, const std::vector<int32_t>& weights, std::vector<int32_t>& sums,
              uint8_t* into) {
  std::fill(sums.begin(), sums.end(), kHalf);
  for (int32_t weight : weights) {
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += weight * rows[i];
    rows += sums.size();
  }
  std::transform(sums.begin(), sums.end(), into, to_byte);
}

}  // namespace

at::Tensor resample(const at::Tensor& picture, int64_t height, int64_t width, const Region& part,
                    Interpolation interpolation) {
  std::vector<Taps> rows = axis(picture.size(0), height, part.top, part.height, interpolation);
  std::vector<Taps> columns = axis(picture.size(1), width, part.left, part.width, interpolation);
  int64_t first = rows.front().first, count = rows.back().end() - first;

  const auto* pixels = picture.const_data_ptr<uint8_t>();
  at::Tensor narrow = at::empty({count, part.width, 3}, at::kByte);
  auto* narrow_rows = narrow.mutable_data_ptr<uint8_t>();
  int64_t row_size = part.width * 3;
  for (int64_t y = 0; y < count; ++y)
    resample_row(pixels + (first + y) * picture.stride(0), columns, narrow_rows + y * row_size);

  at::Tensor resized = at::empty({part.height, part.width, 3}, at::kByte);
  auto* into = resized.mutable_data_ptr<uint8_t>();
  std::vector<int32_t> sums(static_cast<size_t>(row_size));
  for (const Taps& taps : rows) {
    sum_rows(narrow_rows + (taps.first - first) * row_size, taps.weights, sums, into);
    into += row_size;
  }
  return resized;
}

}  // namespace iba
