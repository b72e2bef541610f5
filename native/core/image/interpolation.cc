#include "image/interpolation.h"

#include <cmath>
#include <numbers>

namespace iba {

namespace {

double triangle(double distance) {
  return distance < 1 ? 1 - distance : 0;
}

double cubic(double distance) {
  constexpr double a = -0.5;
  if (distance < 1) return ((a + 2) * distance - (a + 3)) * distance * distance + 1;
  if (distance < 2) return (((distance - 5) * distance + 8) * distance - 4) * a;
  return 0;
}

double sinc(double value) {
  if (value == 0) return 1;
  const double angle = value * std::numbers::pi;
  return std::sin(angle) / angle;
}

double lanczos(double distance) {
  return distance < 3 ? sinc(distance) * sinc(distance / 3) : 0;
}

}  // namespace

double reach_of(Interpolation interpolation) {
  switch (interpolation) {
    case Interpolation::bicubic:
      return 2;
    case Interpolation::lanczos:
      return 3;
    default:
      return 1;
  }
}

double filter(Interpolation interpolation, double distance) {
  const double magnitude = std::abs(distance);
  switch (interpolation) {
    case Interpolation::bicubic:
      return cubic(magnitude);
    case Interpolation::lanczos:
      return lanczos(magnitude);
    default:
      return triangle(magnitude);
  }
}

}  // namespace iba
