#include "attribution/smooth_mask.h"

#include <cmath>

#include "runtime/device.h"

namespace iba {

namespace {

using at::Tensor;

/// Of the smooth maximum Σ m·softmax(T·m).
constexpr double kColdness = 20;

/// Whole parts of `step` that cover a length.
int64_t parts(double length, int64_t step) {
  return static_cast<int64_t>(std::ceil(length / static_cast<double>(step)));
}

/// The squared distances (neighbours, middle · spacing) of an axis' pixels from the parameters that they
/// read.
Tensor squared_distances(int64_t middle, int64_t spacing, int64_t radius, int64_t padding, double margin) {
  Tensor pixels = at::arange(middle * spacing, at::kFloat);
  Tensor first = at::arange(middle, at::kFloat).repeat_interleave(spacing) - static_cast<double>(padding);
  Tensor neighbours = at::arange(2 * radius + 1, at::kFloat).unsqueeze(1);
  return (pixels - (margin + static_cast<double>(spacing) * (first + neighbours))).square();
}

}  // namespace

SmoothMask::SmoothMask(std::array<int64_t, 2> image, int64_t spacing, double sigma, at::Device device)
    : spacing_(spacing),
      sigma_(sigma),
      radius_(1 + parts(sigma, spacing)),
      margin_(std::lround(sigma)),
      rows_(axis_of(image[0])),
      columns_(axis_of(image[1])) {
  auto of_axis = [&](const Axis& axis) {
    return squared_distances(axis.middle, spacing_, radius_, axis.padding, sigma_);
  };
  Tensor of_rows = of_axis(rows_).unsqueeze(1).unsqueeze(3), of_columns = of_axis(columns_).unsqueeze(1);
  Tensor beyond = ((of_rows + of_columns).sqrt() / sigma_ - 0.5).clamp_min(0);
  Tensor kernel = at::exp(-2 * beyond.square());  // (neighbours, neighbours, pixels, pixels)
  kernel_ = sent_to(device, kernel).view({-1, rows_.middle, spacing_, columns_.middle, spacing_});
}

SmoothMask::Axis SmoothMask::axis_of(int64_t image) const {
  Axis axis{};
  axis.image = image;
  axis.parameters = parts(static_cast<double>(image), spacing_);
  axis.padding = 1 + parts(2 * sigma_, spacing_);
  axis.middle = axis.parameters + 2 * (axis.padding - radius_);
  axis.field = spacing_ * (axis.middle - 1) + 1;
  return axis;
}

/// The parameters (h, w) that each stretch of pixels reads (neighbours, middle, 1, middle, 1).
Tensor SmoothMask::read(const Tensor& parameters) const {
  const int64_t side = 2 * radius_ + 1;
  Tensor columns = at::im2col(parameters.unsqueeze(0).unsqueeze(0), {side, side}, {1, 1},
                              {rows_.padding, columns_.padding}, {1, 1});
  return columns.view({-1, rows_.middle, 1, columns_.middle, 1});
}

Tensor SmoothMask::fields(const Tensor& parameters) const {
  std::vector<Tensor> found;
  // One after the other: all that a field is the maximum of is large.
  for (int64_t i = 0; i < parameters.size(0); ++i) {
    Tensor weighted = kernel_ * read(parameters[i]);
    Tensor maximum = (weighted * at::softmax(kColdness * weighted, 0)).sum(0);
    Tensor pixels = maximum.view({rows_.middle * spacing_, columns_.middle * spacing_});
    found.push_back(pixels.slice(0, 0, rows_.field).slice(1, 0, columns_.field));
  }
  return at::stack(found);
}

Tensor SmoothMask::over_image(const Tensor& fields) const {
  return fields.slice(1, margin_, margin_ + rows_.image).slice(2, margin_, margin_ + columns_.image);
}

void SmoothMask::add_over_image(Tensor& fields, const Tensor& masks) const {
  over_image(fields).add_(masks);
}

Tensor SmoothMask::backward(const Tensor& parameters, const Tensor& fields, const Tensor& gradient) const {
  const int64_t side = 2 * radius_ + 1, left_out = spacing_ - 1;
  auto in_stretches = [&](const Tensor& field) {
    return at::constant_pad_nd(field, {0, left_out, 0, left_out})
        .view({rows_.middle, spacing_, columns_.middle, spacing_});
  };
  std::vector<Tensor> found;
  for (int64_t i = 0; i < parameters.size(0); ++i) {
    Tensor weighted = kernel_ * read(parameters[i]);
    // Of Σ m·p with p = softmax(T·m), by m: p (1 + T (m − Σ m·p)).
    Tensor shares = at::softmax(kColdness * weighted, 0);
    Tensor by_weighted = weighted.sub_(in_stretches(fields[i])).mul_(kColdness).add_(1).mul_(shares);
    Tensor by_read = by_weighted.mul_(in_stretches(gradient[i])).mul_(kernel_).sum({2, 4});
    Tensor of_parameters =
        at::col2im(by_read.view({1, side * side, -1}), {rows_.parameters, columns_.parameters}, {side, side},
                   {1, 1}, {rows_.padding, columns_.padding}, {1, 1});
    found.push_back(of_parameters[0][0]);
  }
  return at::stack(found);
}

}  // namespace iba
