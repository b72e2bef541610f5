#pragma once

#include <initializer_list>
#include <string>

#include "torch.h"

namespace iba::test {

/// Standard normal numbers in double precision, the same for the same name and shape.
at::Tensor normal(const std::string& name, at::IntArrayRef shape);

/// These numbers in double precision.
at::Tensor doubles(std::initializer_list<double> values);

/// The norm of the difference, relative to that of what is expected. Infinite where the shapes differ.
double relative_error(const at::Tensor& found, const at::Tensor& expected);

/// The greatest difference, relative to what is expected where that is above 1. Infinite where the shapes
/// differ.
double greatest_difference(const at::Tensor& found, const at::Tensor& expected);

/// The derivative of f at x by central differences, element by element. `f` gives a number; all in double.
template <typename Function>
at::Tensor finite_differences(const at::Tensor& x, const Function& f, double step = 1e-5) {
  at::Tensor moved = x.clone();
  at::Tensor derivative = at::empty_like(x);
  auto* value = moved.data_ptr<double>();
  for (int64_t i = 0; i < x.numel(); ++i) {
    double original = value[i];
    value[i] = original + step;
    double above = f(moved);
    value[i] = original - step;
    double below = f(moved);
    value[i] = original;
    derivative.data_ptr<double>()[i] = (above - below) / (2 * step);
  }
  return derivative;
}

}  // namespace iba::test
