#include "attribution/passes.h"

#include "finite.h"
#include "network/interpreter.h"
#include "runtime/device.h"

namespace iba {

void choose_targets(const Batch& batch, int64_t first, const Tensor& logits, Targets& targets) {
  Tensor values = logits.to(at::kCPU, at::kDouble);
  require_probabilities(values);
  Tensor shares = at::softmax(values, 1);
  for (int64_t row = 0; row < values.size(0); ++row) {
    int64_t target = batch.requests[first + row].target;
    if (target < 0) target = values[row].argmax().item<int64_t>();
    targets.classes.push_back(target);
    targets.probabilities.push_back(shares[row][target].item<double>());
    targets.logits.push_back(values[row][target].item<double>());
    require_finite(targets.logits.back(), ErrorCode::not_finite,
                   "the logit of the class " + std::to_string(target), "Explain another class.");
  }
}

Targets find_targets(const Network& network, const Batch& batch, Steps& steps) {
  Targets targets;
  for_each_run(batch.size(), batch.rows, [&](int64_t begin, int64_t end) {
    steps.check();
    choose_targets(batch, begin, logits(network, batch.images.slice(0, begin, end)), targets);
    steps.finish();
  });
  return targets;
}

Tensor target_logits(const Network& network, const Tensor& rows, const std::vector<int64_t>& classes) {
  Tensor logits = at_least_float(activations(network, rows, {network.output})[0]);
  return logits.gather(1, sent_to(logits.device(), at::tensor(classes)).unsqueeze(1)).squeeze(1);
}

Tensor explained_logits(const Tensor& logits, const Targets& targets, int64_t b) {
  return logits.select(1, targets.classes[static_cast<size_t>(b)]);
}

int64_t runs_of(const Batch& batch) {
  return runs_of(batch.size(), batch.rows);
}

BackwardPass::BackwardPass(const Network& network, ValueId at, StepRules rules, Start start)
    : cut_(network, at, std::move(rules)), start_(start) {}

Tensor BackwardPass::start_from(const Tensor& logits, const std::vector<int64_t>& classes) const {
  Tensor index = sent_to(logits.device(), at::tensor(classes)).unsqueeze(1);
  Tensor start = at::zeros_like(logits);
  Tensor value = start_ == Start::one ? at::ones_like(index, logits.options()) : logits.gather(1, index);
  return start.scatter_(1, index, value);
}

Tensor BackwardPass::run(const Tensor& rows, const std::vector<int64_t>& classes) const {
  Values values = cut_.before(rows);
  Interpreter::Tape tape;
  Tensor logits = cut_.after(values, values[cut_.at()], &tape);
  return cut_.backward(tape, start_from(logits, classes));
}

BackwardPass::Found BackwardPass::run(const Batch& batch) const {
  Steps steps(batch, runs_of(batch));
  return run(batch, steps);
}

BackwardPass::Found BackwardPass::run(const Batch& batch, Steps& steps) const {
  Found found;
  std::vector<Tensor> activations, arrived;
  for_each_run(batch.size(), batch.rows, [&](int64_t begin, int64_t end) {
    steps.check();
    Values values = cut_.before(batch.images.slice(0, begin, end));
    Interpreter::Tape tape;
    Tensor logits = cut_.after(values, values[cut_.at()], &tape);
    choose_targets(batch, begin, logits, found.targets);
    std::vector<int64_t> classes(found.targets.classes.begin() + begin, found.targets.classes.end());
    activations.push_back(values[cut_.at()]);
    arrived.push_back(cut_.backward(tape, start_from(logits, classes)));
    steps.finish();
  });
  found.activation = at::cat(activations);
  found.arrived = at::cat(arrived);
  return found;
}

}  // namespace iba
