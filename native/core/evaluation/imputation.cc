#include "evaluation/imputation.h"

#include <vector>

#include "error.h"

namespace iba {

namespace {

constexpr double kTolerance = 1e-8;  // of the residual's length, relative to that of the right side
constexpr int64_t kMostSteps = 10'000;
constexpr double kBeside = 1.0 / 6, kAtCorner = 1.0 / 12;

/// Values of an image's pixels with a border of zeros around them, so that every pixel has eight neighbours.
using Plane = std::vector<double>;

/// The equations of the missing pixels, the same for all channels: symmetric and positive definite, so that
/// conjugate gradients solve them. In planes of unknowns all other pixels are 0.
class Equations {
 public:
  Equations(const bool* missing, int64_t height, int64_t width)
      : height_(height), width_(width), missing_(plane()), weights_(plane()) {
    Plane inside = plane();
    for (int64_t y = 0; y < height; ++y) {
      for (int64_t x = 0; x < width; ++x) {
        inside[place(y, x)] = 1;
        missing_[place(y, x)] = missing[y * width + x] ? 1 : 0;
      }
    }
    add_neighbours(inside, weights_);
  }

  Plane plane() const { return Plane((height_ + 2) * (width_ + 2)); }
  size_t place(int64_t y, int64_t x) const { return (y + 1) * (width_ + 2) + x + 1; }
  bool is_missing(int64_t y, int64_t x) const { return missing_[place(y, x)] != 0; }

  /// What the known pixels contribute.
  Plane right_side(const Plane& known) const {
    Plane sums = plane();
    add_neighbours(known, sums);
    for (size_t i = 0; i < sums.size(); ++i) sums[i] *= missing_[i];
    return sums;
  }

  /// The product with unknowns.
  void multiply(const Plane& unknown, Plane& product) const {
    add_neighbours(unknown, product);
    for (size_t i = 0; i < product.size(); ++i)
      product[i] = missing_[i] * (weights_[i] * unknown[i] - product[i]);
  }

 private:
  /// The weighted sums of each pixel's neighbours. The border's stay as they are.
  void add_neighbours(const Plane& values, Plane& sums) const {
    const int64_t line = width_ + 2;
    for (int64_t y = 0; y < height_; ++y) {
      const double* middle = values.data() + place(y, 0);
      const double *above = middle - line, *below = middle + line;
      double* sum = sums.data() + place(y, 0);
      for (int64_t x = 0; x < width_; ++x) {
        sum[x] = kBeside * (above[x] + below[x] + middle[x - 1] + middle[x + 1]) +
                 kAtCorner * (above[x - 1] + above[x + 1] + below[x - 1] + below[x + 1]);
      }
    }
  }

  int64_t height_;
  int64_t width_;
  Plane missing_;  // 1 or 0
  Plane weights_;  // of all neighbours that lie in the image
};

double dot(const Plane& a, const Plane& b) {
  // Four sums, which a processor adds up side by side.
  double sums[4] = {};
  size_t i = 0;
  for (; i + 4 <= a.size(); i += 4) {
    for (size_t lane = 0; lane < 4; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  }
  for (; i < a.size(); ++i) sums[0] += a[i] * b[i];
  return sums[0] + sums[1] + sums[2] + sums[3];
}

/// Conjugate gradients (Hestenes and Stiefel 1952) from 0.
Plane solve(const Equations& equations, Plane residual) {
  Plane solution = equations.plane(), direction = residual, product = equations.plane();
  double square = dot(residual, residual);
  const double enough = square * kTolerance * kTolerance;
  for (int64_t step = 0; step < kMostSteps && square > enough; ++step) {
    equations.multiply(direction, product);
    const double length = square / dot(direction, product);
    for (size_t i = 0; i < solution.size(); ++i) {
      solution[i] += length * direction[i];
      residual[i] -= length * product[i];
    }
    const double before = square;
    square = dot(residual, residual);
    for (size_t i = 0; i < direction.size(); ++i) direction[i] = residual[i] + square / before * direction[i];
  }
  return solution;
}

}  // namespace

at::Tensor impute(const at::Tensor& image, const at::Tensor& missing) {
  const int64_t height = image.size(1), width = image.size(2);
  const at::Tensor holes = missing.ne(0).contiguous();
  if (holes.all().item<bool>())
    throw Error(ErrorCode::invalid_argument,
                "Expected a pixel that isn't missing, to impute the others from.");
  const Equations equations(holes.const_data_ptr<bool>(), height, width);
  at::Tensor filled = image.to(at::kFloat).clone(at::MemoryFormat::Contiguous);
  auto each_pixel = [&](const auto& visit) {
    for (int64_t y = 0; y < height; ++y) {
      for (int64_t x = 0; x < width; ++x) visit(y, x);
    }
  };
  for (int64_t c = 0; c < image.size(0); ++c) {
    auto* channel = filled.data_ptr<float>() + c * height * width;
    Plane known = equations.plane();
    each_pixel([&](int64_t y, int64_t x) {
      if (!equations.is_missing(y, x)) known[equations.place(y, x)] = channel[y * width + x];
    });
    const Plane found = solve(equations, equations.right_side(known));
    each_pixel([&](int64_t y, int64_t x) {
      if (equations.is_missing(y, x))
        channel[y * width + x] = static_cast<float>(found[equations.place(y, x)]);
    });
  }
  return filled;
}

}  // namespace iba
