#pragma once

#include <vector>

#include "attribution/method.h"
#include "network/cut.h"
#include "runtime/rows.h"

namespace iba {

/// What is explained of each image of a batch, settled, with its score and its probability for the image as
/// it is.
struct Targets {
  std::vector<Target> settled;
  std::vector<double> scores;
  std::vector<double> probabilities;

  /// An attribution of image b with this much filled in.
  Attribution attribution(int64_t b) const { return {settled[b], scores[b], probabilities[b], {}, {}}; }

  /// The targets of the images from `begin` on, or to `end`.
  std::vector<Target> from(int64_t begin) const { return {settled.begin() + begin, settled.end()}; }
  std::vector<Target> of(int64_t begin, int64_t end) const {
    return {settled.begin() + begin, settled.begin() + end};
  }
};

/// Reads the targets off the network's outputs (rows, outputs) for the images from `first` on, in double
/// precision, and adds them to `targets`. Throws NOT_FINITE where there is no probability.
void choose_targets(const Network& network, const Batch& batch, int64_t first, const Tensor& outputs,
                    Targets& targets);

/// The scores (rows) of image b's target for the outputs (rows, outputs) of changed copies of it, where the
/// outputs are.
Tensor explained_scores(const Tensor& outputs, const Targets& targets, int64_t b);

/// Of these the probabilities, or the scores where the target has none.
Tensor explained_strengths(const Tensor& outputs, const Targets& targets, int64_t b);

/// How many runs a batch's images go through the network in.
int64_t runs_of(const Batch& batch);

/// Counts the steps of a batch's work, and stops it where it was cancelled.
class Steps {
 public:
  Steps(const Batch& batch, int64_t total) : batch_(batch), total_(total) {}

  /// Call before each step, and `finish` after it.
  void check() const { batch_.cancellation.check(); }
  void finish() {
    if (batch_.progress) batch_.progress(++done_, total_);
  }

 private:
  const Batch& batch_;
  int64_t total_;
  int64_t done_ = 0;
};

/// The targets of a batch, from a forward pass, which takes `runs_of(batch)` steps.
Targets find_targets(const Network& network, const Batch& batch, Steps& steps);

/// Passes forward through a network whose outputs the host doesn't look at, so that it needn't wait for them.
class ForwardPass {
 public:
  explicit ForwardPass(const Network& network) : cut_(network, network.input) {}

  /// The outputs (rows, outputs), at least in float.
  Tensor outputs(const Tensor& rows) const { return cut_.after(cut_.before(rows), rows); }

 private:
  Cut cut_;
};

/// What the pass back starts from: the gradient of the score with respect to the outputs, or that times the
/// outputs, which for a class is its logit.
enum class Start { gradient, gradient_times_outputs };

/// Passes forward through a network and back from the score of each row's target to a value, by the
/// derivative or by rules.
class BackwardPass {
 public:
  /// `at` is the value that is gone back to, such as the network's input.
  BackwardPass(const Network& network, ValueId at, StepRules rules = {}, Start start = Start::gradient);

  /// What arrives at the value (rows, ...) for a settled target of each image, of which each has as many
  /// rows, one after the other.
  Tensor run(const Tensor& rows, const std::vector<Target>& targets) const;

  /// The same for replaced rows of the value itself, beside skipping values of as many rows.
  Tensor run_behind(const Values& skipping, const Tensor& rows, const std::vector<Target>& targets) const;

  /// For each image what arrives at the value, stacked, with the targets that were chosen on the way.
  struct Found {
    Tensor activation;  // of the value
    Tensor arrived;
    Tensor sent;  // (rows), double: the sum of what the pass back started from
    Targets targets;
  };
  Found run(const Batch& batch) const;

  /// The same as a part of other work: it takes `runs_of(batch)` of its steps.
  Found run(const Batch& batch, Steps& steps) const;

  const Cut& cut() const { return cut_; }

 private:
  Tensor start_from(const Tensor& outputs, const std::vector<Target>& targets) const;

  const Network& network_;
  Cut cut_;
  Start start_;
};

}  // namespace iba
