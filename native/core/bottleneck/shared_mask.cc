#include "bottleneck/shared_mask.h"

#include "error.h"

namespace iba {

namespace {

bool have_same_places(const Grid& a, const Grid& b) {
  return a.prefix == b.prefix && a.suffix == b.suffix && a.height == b.height && a.width == b.width;
}

void require_comparable(const Grid& from, const Grid& to) {
  if (from.is_all_places() && to.is_all_places()) return;
  throw Error(
      ErrorCode::model,
      "The layers that shall share a mask have different places, of which some, such as the class token, "
      "belong to no part of the image. Choose layers with the same tokens.");
}

at::Tensor as_images(const at::Tensor& pixels) {
  return pixels.permute({0, 3, 1, 2}).contiguous();
}

at::Tensor as_pixels(const at::Tensor& images) {
  return images.permute({0, 2, 3, 1}).contiguous();
}

}  // namespace

Mask resized(const Mask& mask, const Grid& from, const Grid& to) {
  if (have_same_places(from, to)) return mask;
  require_comparable(from, to);
  auto each = [&](const at::Tensor& pixels) {
    return as_pixels(at::_adaptive_avg_pool2d(as_images(pixels), {to.height, to.width}));
  };
  return {each(mask.keep), each(mask.drop)};
}

at::Tensor resized_adjoint(const at::Tensor& gradient, const Grid& from, const Grid& to,
                           const at::Tensor& like) {
  if (have_same_places(from, to)) return gradient;
  require_comparable(from, to);
  return as_pixels(at::_adaptive_avg_pool2d_backward(as_images(gradient), as_images(like)));
}

Mask repeated(const Mask& mask, int64_t copies) {
  if (copies == 1) return mask;
  return {mask.keep.repeat_interleave(copies, 0), mask.drop.repeat_interleave(copies, 0)};
}

}  // namespace iba
