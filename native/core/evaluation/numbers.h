#pragma once

#include <vector>

#include "torch.h"

namespace iba {

/// The elements of a tensor of the CPU, of any type of numbers.
inline std::vector<double> numbers(const at::Tensor& values) {
  const at::Tensor all = values.to(at::kDouble).contiguous();
  const double* first = all.const_data_ptr<double>();
  return {first, first + all.numel()};
}

}  // namespace iba
