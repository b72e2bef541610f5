#pragma once

#include <array>
#include <string_view>

namespace iba {

/// How much each pixel of a picture counts for a resized one, by its distance.
enum class Interpolation { bilinear, bicubic, lanczos };
inline constexpr std::array<std::string_view, 3> kInterpolationNames{"bilinear", "bicubic", "lanczos"};

/// How far the filter reaches to each side, in pixels.
double reach_of(Interpolation interpolation);

/// The filter's value at a distance: a triangle, Keys' cubic with a = -1/2, or Lanczos' window of three
/// lobes.
double filter(Interpolation interpolation, double distance);

}  // namespace iba
