#pragma once

#include <array>

#include "torch.h"

namespace iba {

/// Masks of an image that change smoothly, made of few parameters (Fong, Patrick, Vedaldi 2019, section 3.2):
/// the parameters lie `spacing` pixels apart, and a pixel's value is the smooth maximum of those around it,
/// each times a kernel of its distance d, exp(−2 max(0, d/σ − ½)²). A mask lies within a field that is larger
/// than the image by a margin.
class SmoothMask {
 public:
  /// For images of a size. σ is in pixels, and at least twice the spacing.
  SmoothMask(std::array<int64_t, 2> image, int64_t spacing, double sigma, at::Device device);

  /// The height and width of the parameters, and of the field.
  std::array<int64_t, 2> parameters() const { return {rows_.parameters, columns_.parameters}; }
  std::array<int64_t, 2> field() const { return {rows_.field, columns_.field}; }

  /// The fields (N, H', W') of parameters (N, h, w) from 0 to 1.
  at::Tensor fields(const at::Tensor& parameters) const;

  /// The part of fields that lies over the image (N, H, W).
  at::Tensor over_image(const at::Tensor& fields) const;

  /// Adds to gradients of fields those of that part.
  void add_over_image(at::Tensor& fields, const at::Tensor& masks) const;

  /// The gradient of the parameters (N, h, w), for that of the fields.
  at::Tensor backward(const at::Tensor& parameters, const at::Tensor& fields,
                      const at::Tensor& gradient) const;

 private:
  /// How one axis is laid out: each of the `middle` stretches of `spacing` pixels reads the 2·radius + 1
  /// parameters around it, of which there are `padding` more at each end that are 0.
  struct Axis {
    int64_t image, parameters, padding, middle, field;
  };

  Axis axis_of(int64_t image) const;
  at::Tensor read(const at::Tensor& parameters) const;

  int64_t spacing_;
  double sigma_;
  int64_t radius_;
  int64_t margin_;
  Axis rows_;
  Axis columns_;
  at::Tensor kernel_;  // (neighbours, middle, spacing, middle, spacing)
};

}  // namespace iba
