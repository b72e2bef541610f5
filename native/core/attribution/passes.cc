#include "attribution/passes.h"

#include "finite.h"
#include "network/interpreter.h"
#include "target/objective.h"

namespace iba {

void choose_targets(const Network& network, const Batch& batch, int64_t first, const Tensor& outputs,
                    Targets& targets) {
  Tensor values = outputs.to(at::kCPU, at::kDouble);
  require_probabilities(values);
  std::vector<Target> chosen;
  for (int64_t row = 0; row < values.size(0); ++row)
    chosen.push_back(settled(batch.requests[first + row].target, network.outputs, values[row]));
  Objective objective(chosen, values.size(1), at::kCPU);
  Tensor scores = objective.score(values), probabilities = objective.probability(values);
  for (size_t row = 0; row < chosen.size(); ++row) {
    targets.settled.push_back(chosen[row]);
    targets.scores.push_back(scores[static_cast<int64_t>(row)].item<double>());
    targets.probabilities.push_back(probabilities[static_cast<int64_t>(row)].item<double>());
    require_finite(targets.scores.back(), ErrorCode::not_finite,
                   chosen[row].is_class() ? "the logit of the class " + std::to_string(chosen[row].index)
                                          : "the target's score",
                   "Explain something else.");
  }
}

Targets find_targets(const Network& network, const Batch& batch, Steps& steps) {
  Targets targets;
  for_each_run(batch.size(), batch.rows, [&](int64_t begin, int64_t end) {
    steps.check();
    choose_targets(network, batch, begin, logits(network, batch.images.slice(0, begin, end)), targets);
    steps.finish();
  });
  return targets;
}

Tensor explained_scores(const Tensor& outputs, const Targets& targets, int64_t b) {
  return Objective({targets.settled[static_cast<size_t>(b)]}, outputs.size(1), outputs.device())
      .score(outputs);
}

Tensor explained_strengths(const Tensor& outputs, const Targets& targets, int64_t b) {
  return Objective({targets.settled[static_cast<size_t>(b)]}, outputs.size(1), outputs.device())
      .strength(outputs);
}

int64_t runs_of(const Batch& batch) {
  return runs_of(batch.size(), batch.rows);
}

BackwardPass::BackwardPass(const Network& network, ValueId at, StepRules rules, Start start)
    : network_(network), cut_(network, at, std::move(rules)), start_(start) {}

Tensor BackwardPass::start_from(const Tensor& outputs, const std::vector<Target>& targets) const {
  Tensor gradient = Objective(targets, outputs.size(1), outputs.device()).score_gradient(outputs);
  if (start_ == Start::gradient) return gradient;
  // An output that doesn't count may be infinite.
  return at::where(gradient == 0, gradient, gradient * outputs);
}

Tensor BackwardPass::run(const Tensor& rows, const std::vector<Target>& targets) const {
  Values values = cut_.before(rows);
  return run_behind(values, values[cut_.at()], targets);
}

Tensor BackwardPass::run_behind(const Values& skipping, const Tensor& rows,
                                const std::vector<Target>& targets) const {
  Interpreter::Tape tape;
  Tensor outputs = cut_.after(skipping, rows, &tape);
  return cut_.backward(tape, start_from(outputs, targets));
}

BackwardPass::Found BackwardPass::run(const Batch& batch) const {
  Steps steps(batch, runs_of(batch));
  return run(batch, steps);
}

BackwardPass::Found BackwardPass::run(const Batch& batch, Steps& steps) const {
  Found found;
  std::vector<Tensor> activations, arrived, sent;
  for_each_run(batch.size(), batch.rows, [&](int64_t begin, int64_t end) {
    steps.check();
    Values values = cut_.before(batch.images.slice(0, begin, end));
    Interpreter::Tape tape;
    Tensor outputs = cut_.after(values, values[cut_.at()], &tape);
    choose_targets(network_, batch, begin, outputs, found.targets);
    activations.push_back(values[cut_.at()]);
    Tensor start = start_from(outputs, found.targets.from(begin));
    sent.push_back(start.sum(1, false, at::kDouble));
    arrived.push_back(cut_.backward(tape, std::move(start)));
    steps.finish();
  });
  found.activation = at::cat(activations);
  found.arrived = at::cat(arrived);
  found.sent = at::cat(sent);
  return found;
}

}  // namespace iba
