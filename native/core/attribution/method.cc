#include "attribution/method.h"

#include "error.h"
#include "runtime/rows.h"

namespace iba {

namespace {

void check_maps(const std::vector<Attribution>& attributions) {
  for (size_t b = 0; b < attributions.size(); ++b) {
    if (at::isfinite(attributions[b].map).all().item<bool>()) continue;
    throw Error(ErrorCode::model,
                "On the way back through the network to image " + std::to_string(b) +
                    " of the batch, the numbers grew beyond what a float holds. If the method goes by "
                    "patterns, fit them on more images; if not, check the model's weights.");
  }
}

}  // namespace

std::vector<OptionSpec> with_common_options(std::vector<OptionSpec> own) {
  std::vector<OptionSpec> specs = {
      preset_option(),
      rows_option(kGradientRows),
      flag_option("keepRaw", "return the attribution before it is reduced to the map as well", false),
  };
  specs.insert(specs.end(), own.begin(), own.end());
  return specs;
}

PreparedMethod::PreparedMethod(const MethodEntry& entry, const Network& network,
                               const std::string& weight_hash,
                               const std::map<std::string, OptionValue>& given, Resources resources)
    : options_(entry.options, given), resources_(std::move(resources)) {
  check_resources(entry.needs, resources_, network.architecture, weight_hash);
  method_ = entry.make({network, weight_hash, options_, resources_});
}

std::vector<Attribution> PreparedMethod::attribute(const Tensor& images, const std::vector<Request>& requests,
                                                   const Cancellation& cancellation,
                                                   const StepProgress& progress) const {
  at::NoGradGuard no_grad;
  auto attributions = method_->attribute({images, requests, options_.whole("rows"), cancellation, progress});
  check_maps(attributions);
  bool keeps_raw = options_.has("keepRaw") && options_.flag("keepRaw");
  for (auto& attribution : attributions) {
    if (keeps_raw) attribution.tensors.emplace_back("raw", attribution.raw);
    attribution.raw.reset();
  }
  return attributions;
}

}  // namespace iba
