#include "evaluation/insertion_deletion.h"

#include <algorithm>
#include <cmath>

#include "error.h"
#include "evaluation/numbers.h"
#include "evaluation/replacement.h"
#include "evaluation/tiles.h"
#include "evaluation/watched.h"
#include "runtime/device.h"

namespace iba {

namespace {

constexpr double kBlurReach = 4;  // deviations on each side, where tails are folded

/// Where a place beyond a kernel of that size lies once the tails are folded back at its edges.
int64_t folded(int64_t place, int64_t size) {
  int64_t in_period = ((place % (2 * size)) + 2 * size) % (2 * size);
  return std::min(in_period, 2 * size - 1 - in_period);
}

}  // namespace

Tensor blur_kernel(const Blur& blur) {
  if (blur.size % 2 == 0)
    throw Error(ErrorCode::invalid_argument,
                "Expected an odd number of pixels for the blur's kernel, but it is " +
                    std::to_string(blur.size) + ".");
  const int64_t middle = blur.size / 2;
  const bool folds = blur.tails == BlurTails::folded;
  const int64_t reach = folds ? static_cast<int64_t>(kBlurReach * blur.deviation + 0.5) : middle;
  Tensor kernel = at::zeros({blur.size}, at::kDouble);
  auto* weight = kernel.data_ptr<double>();
  for (int64_t offset = -reach; offset <= reach; ++offset) {
    double distance = static_cast<double>(offset) / blur.deviation;
    weight[folded(middle + offset, blur.size)] += std::exp(-distance * distance / 2);
  }
  return kernel / kernel.sum();
}

Tensor blurred(const Tensor& image, const Blur& blur) {
  const int64_t reach = blur.size / 2;
  const bool mirrors = blur.border == BlurBorder::mirror;
  if (mirrors && reach >= std::min(image.size(1), image.size(2)))
    throw Error(ErrorCode::invalid_argument,
                "A blur of " + std::to_string(blur.size) + " pixels reaches beyond an image of " +
                    std::to_string(image.size(2)) + "×" + std::to_string(image.size(1)) +
                    " and its mirror. Choose a smaller kernel, or a border of zeros.");
  Tensor bell = blur_kernel(blur).to(image.options());
  Tensor channels = image.unsqueeze(1);
  Tensor padded = mirrors ? at::reflection_pad2d(channels, {reach, reach, reach, reach})
                          : at::constant_pad_nd(channels, {reach, reach, reach, reach});
  return at::conv2d(padded, (bell.unsqueeze(1) * bell).view({1, 1, blur.size, blur.size})).squeeze(1);
}

std::vector<int64_t> pixel_counts(int64_t pixels, int64_t step) {
  std::vector<int64_t> counts;
  for (int64_t count = 0; count < pixels; count += step) counts.push_back(count);
  counts.push_back(pixels);
  return counts;
}

InsertionDeletion insert_and_delete(const Network& network, const Tensor& image, const Tensor& map,
                                    const Target& target, const PixelSteps& steps, RowSettings settings) {
  if (static_cast<int64_t>(steps.deleted.size()) != image.size(0))
    throw Error(ErrorCode::invalid_argument, "Expected one value for each of the " +
                                                 std::to_string(image.size(0)) +
                                                 " channels of a deleted pixel.");
  int64_t pixels = map.numel();
  Tensor order = ranks(map.flatten().to(at::kCPU), true).view(map.sizes()).to(image.device());
  auto counts = pixel_counts(pixels, steps.step);
  Tensor deleted_pixel = sent_to(image.device(), at::tensor(steps.deleted, at::kFloat)).view({-1, 1, 1});
  Replacement deletion{image, deleted_pixel, order, counts};
  Replacement insertion{blurred(image, steps.blur), image, order, counts};

  RowRunner runner(network, settings, 2 * deletion.versions());
  auto run = [&](const Replacement& versions) {
    return runner.logits(versions.versions(), [&](int64_t b, int64_t e) { return versions.images(b, e); });
  };
  Tensor deleted = run(deletion);
  InsertionDeletion result;
  Watched watched(target, network, deleted[0]);
  result.target = watched.index();
  result.deletion = numbers(watched.strength(deleted));
  result.insertion = numbers(watched.strength(run(insertion)));
  result.shares = deletion.shares(pixels);
  result.deletion_area = area_under(result.shares, result.deletion);
  result.insertion_area = area_under(result.shares, result.insertion);
  return result;
}

}  // namespace iba
