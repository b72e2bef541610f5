#include "attribution/method.h"

#include "error.h"

namespace iba {

namespace {

constexpr int64_t kRows = 16;
constexpr int64_t kMostRows = 4096;

void check_images(const Tensor& images) {
  Tensor finite = at::isfinite(images).flatten(1).all(1).cpu();
  for (int64_t b = 0; b < images.size(0); ++b) {
    if (finite[b].item<bool>()) continue;
    throw Error("IMAGE",
                "Image " + std::to_string(b) +
                    " of the batch holds values that are not finite (NaN or infinity). Expected numbers.");
  }
}

void check_maps(const std::vector<Attribution>& attributions) {
  for (size_t b = 0; b < attributions.size(); ++b) {
    if (at::isfinite(attributions[b].map).all().item<bool>()) continue;
    throw Error("MODEL",
                "On the way back through the network to image " + std::to_string(b) +
                    " of the batch, the numbers grew beyond what a float holds. If the method goes by "
                    "patterns, fit them on more images; if not, check the model's weights.");
  }
}

}  // namespace

std::vector<OptionSpec> option_specs(const MethodEntry& entry) {
  std::vector<OptionSpec> specs = {
      choice_option("preset", "settings and post-processing: ours, or those of the paper's code", "iba",
                    {"iba", "paper"}),
      whole_option("rows", "images, or copies of images, that go through the network together at most", kRows,
                   1, kMostRows),
      flag_option("keepRaw", "return the attribution before it is reduced to the map as well", false),
  };
  specs.insert(specs.end(), entry.options.begin(), entry.options.end());
  return specs;
}

std::vector<Attribution> run_method(const Method& method, const Batch& batch) {
  at::NoGradGuard no_grad;
  check_images(batch.images);
  auto attributions = method.attribute(batch);
  check_maps(attributions);
  return attributions;
}

}  // namespace iba
