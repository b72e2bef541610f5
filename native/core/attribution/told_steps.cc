#include "attribution/told_steps.h"

#include "finite.h"

namespace iba {

namespace {

/// What stands before what a map is drawn of: L_F, L_I, and whether the step was taken.
constexpr int64_t kNumbers = 3;

}  // namespace

/// All that is told goes to the host in one piece. Double holds each float.
void ToldSteps::add(const Tensor& losses, const Tensor& taken, const Tensor& drawn) {
  if (!audience_.listener) return;
  std::vector<Tensor> pieces = {losses, taken.to(at::kDouble).unsqueeze(1)};
  if (drawn.defined()) {
    shape_ = drawn.sizes().slice(1).vec();
    pieces.push_back(drawn.flatten(1).to(at::kDouble));
  }
  if (Tensor found = late_.exchange(at::cat(pieces, 1)); found.defined()) tell(found);
}

void ToldSteps::end() {
  if (Tensor found = late_.last(); found.defined()) tell(found);
}

void ToldSteps::tell(const Tensor& found) {
  ++told_;
  for (int64_t i = 0; i < found.size(0); ++i) {
    const Tensor row = found[i];
    const double* numbers = row.const_data_ptr<double>();
    const double fit = numbers[0], information = numbers[1], was_taken = numbers[2];
    // Numbers that aren't finite don't get out: the work will end with an error.
    if (was_taken == 0 || !is_finite(row)) continue;
    const Attribution& attribution = attributions_[static_cast<size_t>(i)];
    StepReport report{.image = audience_.first + i,
                      .step = told_,
                      .steps = settings_.steps,
                      .target = attribution.target,
                      .score = attribution.score,
                      .probability = attribution.probability,
                      .numbers = {{"loss", settings_.loss_of(fit, information)},
                                  {"crossEntropy", fit},
                                  {"information", information}},
                      .unit = unit_};
    if (!shape_.empty()) report.map = draw_(row.slice(0, kNumbers).to(at::kFloat).view(shape_));
    audience_.listener->tell(std::move(report));
  }
}

}  // namespace iba
