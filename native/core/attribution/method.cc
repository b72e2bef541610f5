#include "attribution/method.h"

#include <algorithm>
#include <iterator>

#include "finite.h"
#include "runtime/rows.h"

namespace iba {

namespace {

constexpr const char* kRemedy =
    "The logits are finite, so numbers grew too large in what the method computes: take less extreme "
    "options, such as a smaller learning rate, or make its statistics or patterns of more images.";

/// What the method needs, and what it takes of what was given.
std::vector<Resource> used_by(const MethodEntry& entry, const Resources& given) {
  auto is_given = [&](Resource resource) {
    switch (resource) {
      case Resource::statistics:
        return given.statistics != nullptr;
      case Resource::patterns:
        return given.patterns != nullptr;
      case Resource::readout:
        return given.readout != nullptr;
    }
    return false;
  };
  std::vector<Resource> used = entry.needs;
  std::copy_if(entry.takes.begin(), entry.takes.end(), std::back_inserter(used), is_given);
  return used;
}

void check_numbers(const Attribution& attribution) {
  auto require = [](const auto& found, const std::string& what) {
    require_finite(found, ErrorCode::not_finite, what, kRemedy);
  };
  require(attribution.map, "the map");
  if (attribution.raw.defined()) require(attribution.raw, "the attribution before its reduction to the map");
  for (const auto& [name, tensor] : attribution.tensors) require(tensor, "the result '" + name + "'");
  for (const auto& [name, check] : attribution.checks) require(check, "the check '" + name + "'");
  for (const auto& [name, numbers] : attribution.series) {
    for (double number : numbers) require(number, "the series '" + name + "'");
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
    : options_(entry.options, given),
      resources_(std::move(resources)),
      rows_(options_.whole("rows"), !given.contains("rows")) {
  check_resources(used_by(entry, resources_), resources_, network.architecture, weight_hash);
  method_ = entry.make({network, weight_hash, options_, resources_});
}

std::vector<Attribution> PreparedMethod::attribute(const Tensor& images, const std::vector<Request>& requests,
                                                   const Cancellation& cancellation,
                                                   const StepProgress& progress,
                                                   const StepListener* listener) const {
  at::NoGradGuard no_grad;
  std::vector<Attribution> attributions;
  rows_.run(images.device(), [&](int64_t rows) {
    attributions = method_->attribute({images, requests, rows, cancellation, progress, listener});
  });
  for (const auto& attribution : attributions) check_numbers(attribution);
  bool keeps_raw = options_.has("keepRaw") && options_.flag("keepRaw");
  for (auto& attribution : attributions) {
    if (keeps_raw) attribution.tensors.emplace_back("raw", attribution.raw);
    attribution.raw.reset();
  }
  return attributions;
}

}  // namespace iba
