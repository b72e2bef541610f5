#include "import/onnx/types.h"

namespace iba::imported::onnx {

std::optional<at::ScalarType> scalar_type(int64_t data_type) {
  switch (data_type) {
    case 1:   // float
    case 10:  // float16
    case 11:  // double
    case 16:  // bfloat16
      return at::kFloat;
    case 2:
      return at::kByte;
    case 3:
      return at::kChar;
    case 5:
      return at::kShort;
    case 4:  // uint16
    case 6:
      return at::kInt;
    case 7:
    case 12:  // uint32
    case 13:  // uint64
      return at::kLong;
    case 9:
      return at::kBool;
    default:
      return std::nullopt;
  }
}

Tensor computed_form(const Tensor& tensor) {
  if (!tensor.defined()) return at::empty({0});
  auto type = tensor.scalar_type();
  if (at::isFloatingType(type)) return tensor.to(at::kFloat);
  if (type == at::kUInt16) return tensor.to(at::kInt);
  if (type == at::kUInt32 || type == at::kUInt64) return tensor.to(at::kLong);
  return tensor;
}

}  // namespace iba::imported::onnx
