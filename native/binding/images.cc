#include "calls.h"
#include "executors.h"
#include "image/preprocess.h"
#include "module.h"

namespace iba {

constexpr double kLargestSide = 1 << 20;

void fields(Of<Region> auto& region, auto&& field) {
  field("left", region.left, {0, kLargestSide});
  field("top", region.top, {0, kLargestSide});
  field("width", region.width, {1, kLargestSide});
  field("height", region.height, {1, kLargestSide});
}

constexpr auto enum_names(Interpolation) {
  return kInterpolationNames;
}

constexpr auto enum_names(ChannelOrder) {
  return kChannelOrderNames;
}

void fields(Of<PreprocessOptions> auto& options, auto&& field) {
  field("resize", options.resize, {1, kLargestSide});
  field("crop", options.crop, {1, kLargestSide});
  field("cropFirst", options.crop_first);
  field("squash", options.squash);
  field("interpolation", options.interpolation);
  field("region", options.region);
  field("mirror", options.mirror);
  field("channelOrder", options.channel_order);
  field("mean", options.mean);
  field("std", options.std);
}

void fields(Of<PreprocessedImage> auto& image, auto&& field) {
  field("input", image.input);
  field("pixels", image.pixels);
}

}  // namespace iba

namespace iba::binding {

namespace {

Task<PreprocessedImage> preprocess_picture(const TensorView& picture, const PreprocessOptions& options) {
  const at::Tensor& pixels = picture.tensor;
  if (pixels.dim() != 3 || pixels.size(2) != 3 || pixels.scalar_type() != at::kByte || pixels.numel() == 0 ||
      pixels.size(0) > kLargestSide || pixels.size(1) > kLargestSide)
    throw Error(ErrorCode::invalid_argument, "Expected a picture (height, width, 3).");
  size_t channels = options.mean.size();
  if ((channels != 1 && channels != 3) || options.std.size() != channels)
    throw Error(ErrorCode::invalid_argument, "Expected 1 or 3 numbers for mean, and as many for std.");
  return {image_executor(), [pixels, options] { return preprocess(pixels, options); }, {picture.owner}};
}

}  // namespace

void export_images(Napi::Object exports) {
  export_call<preprocess_picture>(exports, "preprocess", "picture", "options");
}

}  // namespace iba::binding
