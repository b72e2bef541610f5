#include "handles.h"

#include <algorithm>

#include "arguments.h"

namespace iba::binding {

at::Tensor images_argument(const Napi::Value& data, const Napi::Value& shape, const Model& model) {
  auto sizes = shape_argument(shape);
  bool fits = sizes.size() == 4 && sizes[1] == model.network.input_channels;
  if (!fits || std::find(sizes.begin(), sizes.end(), 0) != sizes.end()) {
    throw Error("INVALID_ARGUMENT", model.network.architecture + " expects images of shape (N, " +
                                        std::to_string(model.network.input_channels) +
                                        ", height, width), none of them 0.");
  }
  return float_tensor_argument(data, sizes, "images");
}

}  // namespace iba::binding
