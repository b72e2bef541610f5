#include "image/lab.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace iba {

namespace {

using Colour = std::array<double, 3>;

double linear(uint8_t value) {
  const double share = value / 255.0;
  return share <= 0.04045 ? share / 12.92 : std::pow((share + 0.055) / 1.055, 2.4);
}

double lightness(double share) {
  constexpr double kSmall = 216.0 / 24389.0, kSlope = 24389.0 / 27.0;
  return share > kSmall ? std::cbrt(share) : (kSlope * share + 16) / 116;
}

/// CIELAB of sRGB, for the white D65.
Colour lab(const uint8_t* rgb) {
  const double r = linear(rgb[0]), g = linear(rgb[1]), b = linear(rgb[2]);
  const double x = lightness((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047);
  const double y = lightness(0.2126729 * r + 0.7151522 * g + 0.0721750 * b);
  const double z = lightness((0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883);
  return {116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

}  // namespace

at::Tensor lab_of(const at::Tensor& picture) {
  const at::Tensor bytes = picture.contiguous();
  const auto* pixel = bytes.const_data_ptr<uint8_t>();
  at::Tensor colours = at::empty({picture.size(0) * picture.size(1), 3}, at::kDouble);
  auto* found = colours.mutable_data_ptr<double>();
  for (int64_t i = 0; i < colours.size(0); ++i) {
    const Colour colour = lab(pixel + 3 * i);
    std::copy(colour.begin(), colour.end(), found + 3 * i);
  }
  return colours.t().reshape({3, picture.size(0), picture.size(1)});
}

}  // namespace iba
