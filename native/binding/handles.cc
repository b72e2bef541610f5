#include "handles.h"

#include "arguments.h"

namespace iba::binding {

at::Tensor images_argument(const Napi::Value& data, const Napi::Value& shape, const Model& model) {
  auto sizes = shape_argument(shape);
  if (sizes.size() != 4 || sizes[1] != model.network.input_channels) {
    throw Error("INVALID_ARGUMENT", model.network.architecture + " expects images of shape (N, " +
                                        std::to_string(model.network.input_channels) + ", height, width).");
  }
  return float_tensor_argument(data, sizes, "images");
}

}  // namespace iba::binding
