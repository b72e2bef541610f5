#include "handles.h"

#include <algorithm>

#include "arguments.h"

namespace iba::binding {

void require_image_size(const Model& model, int64_t height, int64_t width) {
  const auto& size = model.network.image_size;
  if (!size || *size == std::array<int64_t, 2>{height, width}) return;
  auto text = [](int64_t a, int64_t b) { return std::to_string(a) + "×" + std::to_string(b); };
  throw Error("INVALID_ARGUMENT", "This " + model.network.architecture + " takes images of " +
                                      text((*size)[0], (*size)[1]) +
                                      " pixels only (height × width), but received " + text(height, width) +
                                      ". Load it again for another size, or resize the images.");
}

at::Tensor images_argument(const Napi::Value& data, const Napi::Value& shape, const Model& model) {
  auto sizes = shape_argument(shape);
  bool fits = sizes.size() == 4 && sizes[1] == model.network.input_channels;
  if (!fits || std::find(sizes.begin(), sizes.end(), 0) != sizes.end()) {
    throw Error("INVALID_ARGUMENT", model.network.architecture + " expects images of shape (N, " +
                                        std::to_string(model.network.input_channels) +
                                        ", height, width), none of them 0.");
  }
  require_image_size(model, sizes[2], sizes[3]);
  return float_tensor_argument(data, sizes, "images");
}

std::vector<Request> requests_argument(const Napi::Value& value, int64_t images, const Model& model) {
  auto array = array_argument(value, "requests");
  if (array.Length() != images) throw Error("INVALID_ARGUMENT", "Expected one request for each image.");
  std::vector<Request> requests;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    auto entry = object_argument(array[i], "request");
    int64_t target = integer_argument(entry["target"], "target");
    if (target >= model.network.classes) {
      throw Error("INVALID_ARGUMENT", "Expected a target below the number of classes.");
    }
    requests.push_back({target, static_cast<uint64_t>(integer_argument(entry["seed"], "seed"))});
  }
  return requests;
}

}  // namespace iba::binding
