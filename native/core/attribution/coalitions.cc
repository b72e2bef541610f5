#include "attribution/coalitions.h"

#include "image/baseline.h"
#include "runtime/device.h"

namespace iba {

namespace {

constexpr const char* kSuperpixelMean = "superpixel-mean";

std::vector<std::string> hidden_names() {
  std::vector<std::string> names = {kSuperpixelMean};
  names.insert(names.end(), baseline_names().begin(), baseline_names().end());
  return names;
}

}  // namespace

std::vector<OptionSpec> coalition_options(int64_t samples) {
  return with_common_options(
      {whole_option("samples", "copies of the image in which other superpixels are hidden", samples, 1,
                    100'000),
       whole_option("segments", "about how many superpixels", 50, 1, 1000),
       number_option("compactness", "how square superpixels are, against how even their colours", 0.1, 0,
                     1000),
       choice_option("baseline",
                     "what hidden superpixels show: their own mean, or what stands there in another image",
                     kSuperpixelMean, hidden_names()),
       choice_option("score", "what is explained of the class", "logit", {"logit", "probability"})});
}

CoalitionSettings coalition_settings(const Options& options) {
  return {{options.whole("segments"), options.number("compactness")},
          options.text("baseline"),
          options.text("score") == "probability"};
}

Coalitions::Coalitions(const Batch& batch, int64_t b, const CoalitionSettings& settings)
    : batch_(batch), b_(b), reads_probability_(settings.reads_probability) {
  Tensor image = batch.images[b].to(at::kCPU, at::kFloat);
  parts_ = slic(image, settings.superpixels);
  count_ = parts_.max().item<int64_t>() + 1;
  hidden_ = settings.hidden == kSuperpixelMean
                ? sent_to(batch.images.device(), part_means(image, parts_))
                : make_baseline(baseline_named(settings.hidden), batch.images[b],
                                {.seed = batch.requests[static_cast<size_t>(b)].seed});
}

Tensor Coalitions::values(const ForwardPass& pass, const Targets& targets, const Tensor& coalitions,
                          Steps& steps) const {
  Tensor image = batch_.images[b_];
  Tensor parts = sent_to(image.device(), parts_.flatten());
  Tensor kept = sent_to(image.device(), coalitions.to(at::kBool));
  std::vector<Tensor> found;
  for_each_run(coalitions.size(0), batch_.rows, [&](int64_t begin, int64_t end) {
    steps.check();
    Tensor stays = kept.slice(0, begin, end).index_select(1, parts);
    Tensor copies = at::where(stays.view({end - begin, 1, image.size(1), image.size(2)}), image, hidden_);
    Tensor logits = pass.outputs(copies);
    found.push_back(reads_probability_ ? explained_strengths(logits, targets, b_)
                                       : explained_scores(logits, targets, b_));
    steps.finish();
  });
  return at::cat(found).to(at::kCPU, at::kDouble);
}

Tensor Coalitions::map(const Tensor& numbers) const {
  return numbers.to(at::kFloat).index_select(0, parts_.flatten()).view(parts_.sizes());
}

}  // namespace iba
