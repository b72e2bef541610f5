#include "handles.h"

#include "network/tokens.h"

namespace iba::binding {

void require_image_size(const Model& model, int64_t height, int64_t width) {
  const auto& size = model.network.image_size;
  if (!size || *size == std::array<int64_t, 2>{height, width}) return;
  auto text = [](int64_t a, int64_t b) { return std::to_string(a) + "×" + std::to_string(b); };
  throw Error(ErrorCode::invalid_argument,
              "This " + model.network.architecture + " takes images of " + text((*size)[0], (*size)[1]) +
                  " pixels only (height × width), but received " + text(height, width) +
                  ". Load it again for another size, or resize the images.");
}

void check_images(const at::Tensor& images, const Model& model) {
  if (takes_tokens(model.network)) {
    throw Error(ErrorCode::invalid_argument,
                model.network.architecture + " takes token ids, and this works on images alone.");
  }
  bool fits = images.dim() == 4 && images.size(1) == model.network.input_channels && images.numel() > 0 &&
              images.scalar_type() == at::kFloat;
  if (!fits) {
    throw Error(ErrorCode::invalid_argument,
                model.network.architecture + " expects float images of shape (N, " +
                    std::to_string(model.network.input_channels) + ", height, width), none of them 0.");
  }
  require_image_size(model, images.size(2), images.size(3));
}

void check_names(const std::vector<std::string>& names, int64_t images) {
  if (static_cast<int64_t>(names.size()) != images)
    throw Error(ErrorCode::invalid_argument, "Expected one name for each image.");
}

void check_class(int64_t index, const Model& model) {
  if (index >= model.network.classes)
    throw Error(ErrorCode::invalid_argument, "Expected a target below the number of classes.");
}

}  // namespace iba::binding
