#include "image/preprocess.h"

#include <algorithm>
#include <cmath>

#include "error.h"

namespace iba {

namespace {

at::Tensor resize_to(const at::Tensor& image, int64_t height, int64_t width) {
  if (image.size(2) == height && image.size(3) == width) return image;
  return at::_upsample_bilinear2d_aa(image, {height, width}, false);
}

/// torchvision's rule: the longer side is truncated to whole pixels.
at::Tensor resize_shorter_side(const at::Tensor& image, int64_t size) {
  int64_t height = image.size(2), width = image.size(3);
  int64_t longer = size * std::max(height, width) / std::min(height, width);
  return height < width ? resize_to(image, size, longer) : resize_to(image, longer, size);
}

/// Python's round(): halves go to the even neighbour.
int64_t centre_offset(int64_t extent, int64_t size) {
  return static_cast<int64_t>(std::nearbyint(static_cast<double>(extent - size) / 2.0));
}

at::Tensor crop_centre(const at::Tensor& image, int64_t size) {
  int64_t height = image.size(2), width = image.size(3);
  if (height < size || width < size) {
    throw Error(ErrorCode::image, "An image of " + std::to_string(width) + "×" + std::to_string(height) +
                                      " pixels is too small for a crop of " + std::to_string(size) + ".");
  }
  return image.narrow(2, centre_offset(height, size), size).narrow(3, centre_offset(width, size), size);
}

at::Tensor cut_out(const at::Tensor& image, const Region& region) {
  bool inside = region.left >= 0 && region.top >= 0 && region.width > 0 && region.height > 0 &&
                region.left + region.width <= image.size(3) && region.top + region.height <= image.size(2);
  if (!inside) throw Error(ErrorCode::image, "The region to cut out doesn't lie inside of the image.");
  return image.narrow(2, region.top, region.height).narrow(3, region.left, region.width);
}

at::Tensor to_grey(const at::Tensor& image) {
  at::Tensor luma = at::tensor({0.299f, 0.587f, 0.114f}).view({1, 3, 1, 1});
  return (image * luma).sum(1, true);
}

}  // namespace

PreprocessedImage preprocess(const at::Tensor& pixels, const PreprocessOptions& options) {
  at::NoGradGuard no_grad;
  at::Tensor image = pixels.permute({2, 0, 1}).unsqueeze(0);
  if (options.region) {
    image = resize_to(cut_out(image, *options.region), options.crop, options.crop);
  } else if (options.crop_first) {
    int64_t shorter = std::min(image.size(2), image.size(3));
    image = resize_to(crop_centre(image, std::min(options.resize, shorter)), options.crop, options.crop);
  } else {
    image = crop_centre(resize_shorter_side(image, options.resize), options.crop);
  }
  if (options.mirror) image = image.flip(3);
  at::Tensor input = normalise(image, options.mean, options.std)[0].contiguous();
  return {input, image[0].permute({1, 2, 0}).contiguous()};
}

at::Tensor normalise(const at::Tensor& images, const std::vector<double>& mean,
                     const std::vector<double>& std) {
  auto channels = static_cast<int64_t>(mean.size());
  at::Tensor input = images.to(at::kFloat).div_(255);
  if (channels == 1) input = to_grey(input);
  return (input - at::tensor(mean, at::kFloat).view({1, channels, 1, 1})) /
         at::tensor(std, at::kFloat).view({1, channels, 1, 1});
}

}  // namespace iba
