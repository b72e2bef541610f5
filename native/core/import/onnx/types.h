#pragma once

#include <cstdint>
#include <optional>

#include "network/operation.h"

namespace iba::imported::onnx {

/// The type in which tensors of the format's type with this number are computed: real numbers of any
/// precision in float32. Absent for texts and complex numbers, and where there is none such.
std::optional<at::ScalarType> computed_type(int64_t data_type);

/// A tensor of the file in the type in which it is computed.
Tensor computed_form(const Tensor& tensor);

}  // namespace iba::imported::onnx
