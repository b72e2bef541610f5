#include "import/onnx/types.h"

#include "import/onnx/tensors.h"

namespace iba::imported::onnx {

namespace {

at::ScalarType computed(at::ScalarType type) {
  return at::isFloatingType(type) ? at::kFloat : type;
}

}  // namespace

std::optional<at::ScalarType> computed_type(int64_t data_type) {
  auto type = scalar_type(data_type);
  return type ? std::optional(computed(*type)) : std::nullopt;
}

Tensor computed_form(const Tensor& tensor) {
  if (!tensor.defined()) return at::empty({0});
  return tensor.to(computed(tensor.scalar_type()));
}

}  // namespace iba::imported::onnx
