#include "image/preprocess.h"

#include <algorithm>
#include <cmath>

#include "error.h"

namespace iba {

namespace {

/// Python's round(): halves go to the even neighbour.
int64_t centre_offset(int64_t extent, int64_t size) {
  return static_cast<int64_t>(std::nearbyint(static_cast<double>(extent - size) / 2.0));
}

using Size = std::array<int64_t, 2>;  // height and width

Region centre(int64_t height, int64_t width, Size size) {
  return {centre_offset(width, size[1]), centre_offset(height, size[0]), size[1], size[0]};
}

at::Tensor cut_out(const at::Tensor& picture, const Region& region) {
  bool inside = region.left >= 0 && region.top >= 0 && region.width > 0 && region.height > 0 &&
                region.left + region.width <= picture.size(1) &&
                region.top + region.height <= picture.size(0);
  if (!inside) throw Error(ErrorCode::image, "The region to cut out doesn't lie inside of the image.");
  return picture.narrow(0, region.top, region.height).narrow(1, region.left, region.width);
}

at::Tensor resize_to(const at::Tensor& picture, Size size, Interpolation interpolation) {
  return resample(picture, size[0], size[1], {0, 0, size[1], size[0]}, interpolation);
}

/// What just covers a size in a picture's proportion. torchvision's rule: the longer side is truncated to
/// whole pixels.
Size covering(Size size, int64_t height, int64_t width) {
  return size[0] * width >= size[1] * height ? Size{size[0], size[0] * width / height}
                                             : Size{size[1] * height / width, size[1]};
}

/// Of a long picture much is cropped away, which is never made.
at::Tensor resize_and_crop(const at::Tensor& picture, const PreprocessOptions& options) {
  Size resize = options.resize, crop = options.crop;
  Size resized = options.squash ? resize : covering(resize, picture.size(0), picture.size(1));
  if (crop[0] > resize[0] || crop[1] > resize[1]) {
    throw Error(ErrorCode::image, "An image of " + std::to_string(resized[1]) + "×" +
                                      std::to_string(resized[0]) + " pixels is too small for a crop of " +
                                      std::to_string(crop[1]) + "×" + std::to_string(crop[0]) + ".");
  }
  return resample(picture, resized[0], resized[1], centre(resized[0], resized[1], crop),
                  options.interpolation);
}

/// The largest size of its proportion that is inside of the other.
Size fitted(Size size, int64_t height, int64_t width) {
  if (size[0] > height) size = {height, std::max<int64_t>(1, size[1] * height / size[0])};
  if (size[1] > width) size = {std::max<int64_t>(1, size[0] * width / size[1]), width};
  return size;
}

at::Tensor crop_and_resize(const at::Tensor& picture, const PreprocessOptions& options) {
  int64_t height = picture.size(0), width = picture.size(1);
  Region seen = centre(height, width, fitted(options.resize, height, width));
  return resize_to(cut_out(picture, seen), options.crop, options.interpolation);
}

at::Tensor seen_part(const at::Tensor& picture, const PreprocessOptions& options) {
  if (options.region)
    return resize_to(cut_out(picture, *options.region), options.crop, options.interpolation);
  return options.crop_first ? crop_and_resize(picture, options) : resize_and_crop(picture, options);
}

at::Tensor to_grey(const at::Tensor& image) {
  at::Tensor luma = at::tensor({0.299f, 0.587f, 0.114f}).view({1, 3, 1, 1});
  return (image * luma).sum(1, true);
}

}  // namespace

PreprocessedImage preprocess(const at::Tensor& pixels, const PreprocessOptions& options) {
  at::NoGradGuard no_grad;
  at::Tensor image = seen_part(pixels, options).permute({2, 0, 1}).unsqueeze(0);
  if (options.mirror) image = image.flip(3);
  at::Tensor input = normalise(image, options.mean, options.std, options.channel_order)[0].contiguous();
  return {input, image[0].permute({1, 2, 0}).contiguous()};
}

at::Tensor normalise(const at::Tensor& images, const std::vector<double>& mean,
                     const std::vector<double>& std, ChannelOrder order) {
  auto channels = static_cast<int64_t>(mean.size());
  at::Tensor input = images.to(at::kFloat).div_(255);
  if (channels == 1) {
    input = to_grey(input);
  } else if (order == ChannelOrder::bgr) {
    input = input.flip(1);
  }
  return (input - at::tensor(mean, at::kFloat).view({1, channels, 1, 1})) /
         at::tensor(std, at::kFloat).view({1, channels, 1, 1});
}

}  // namespace iba
