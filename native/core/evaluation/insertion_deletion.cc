#include "evaluation/insertion_deletion.h"

#include "evaluation/replacement.h"
#include "evaluation/tiles.h"

namespace iba {

namespace {

constexpr int64_t kBlurSize = 11;
constexpr double kBlurDeviation = 5;

Tensor blurred(const Tensor& image) {
  Tensor offset = at::arange(kBlurSize, image.options()) - static_cast<double>(kBlurSize / 2);
  Tensor bell = at::exp(offset.square() / (-2 * kBlurDeviation * kBlurDeviation));
  bell = bell / bell.sum();
  Tensor kernel = (bell.unsqueeze(1) * bell).expand({image.size(0), 1, kBlurSize, kBlurSize});
  return at::conv2d(image.unsqueeze(0), kernel, {}, {1, 1}, {kBlurSize / 2, kBlurSize / 2}, {1, 1},
                    image.size(0))[0];
}

std::vector<double> target_column(const Tensor& logits, int64_t target) {
  Tensor values = at::softmax(logits, 1).select(1, target).contiguous();
  const double* first = values.const_data_ptr<double>();
  return {first, first + values.numel()};
}

}  // namespace

std::vector<int64_t> pixel_counts(int64_t pixels, int64_t step) {
  std::vector<int64_t> counts;
  for (int64_t count = 0; count < pixels; count += step) counts.push_back(count);
  counts.push_back(pixels);
  return counts;
}

InsertionDeletion insert_and_delete(const Network& network, const Tensor& image, const Tensor& map,
                                    int64_t target, int64_t step, RowSettings settings) {
  int64_t pixels = map.numel();
  Tensor order = ranks(map.flatten().to(at::kCPU), true).view(map.sizes()).to(image.device());
  auto counts = pixel_counts(pixels, step);
  Replacement deletion{image, at::zeros_like(image), order, counts};
  Replacement insertion{blurred(image), image, order, counts};

  RowRunner runner(network, settings, 2 * deletion.versions());
  auto run = [&](const Replacement& versions) {
    return runner.logits(versions.versions(), [&](int64_t b, int64_t e) { return versions.images(b, e); });
  };
  Tensor deleted = run(deletion);
  InsertionDeletion result;
  result.target = target < 0 ? deleted[0].argmax().item<int64_t>() : target;
  result.deletion = target_column(deleted, result.target);
  result.insertion = target_column(run(insertion), result.target);
  result.shares = deletion.shares(pixels);
  result.deletion_area = area_under(result.shares, result.deletion);
  result.insertion_area = area_under(result.shares, result.insertion);
  return result;
}

}  // namespace iba
