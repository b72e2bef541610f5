#pragma once

#include <vector>

#include "attribution/method.h"
#include "network/cut.h"
#include "runtime/rows.h"

namespace iba {

/// The class that is explained for each image of a batch, with its probability and its logit for the image as
/// it is.
struct Targets {
  std::vector<int64_t> classes;
  std::vector<double> probabilities;
  std::vector<double> logits;

  /// An attribution of image b with this much filled in.
  Attribution attribution(int64_t b) const { return {classes[b], probabilities[b], {}, {}, {}}; }
};

/// Reads the targets off the logits (rows, classes) of the images from `first` on, in double precision, and
/// adds them to `targets`. Throws NOT_FINITE where there is no probability.
void choose_targets(const Batch& batch, int64_t first, const Tensor& logits, Targets& targets);

/// Of logits (rows, classes) of changed copies of image b those that are explained (rows), where the logits
/// are.
Tensor explained_logits(const Tensor& logits, const Targets& targets, int64_t b);

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

/// The logit of each row's class (rows), which stays on the network's device.
Tensor target_logits(const Network& network, const Tensor& rows, const std::vector<int64_t>& classes);

/// Passes forward through a network whose logits the host doesn't look at, so that it needn't wait for them.
class ForwardPass {
 public:
  explicit ForwardPass(const Network& network) : cut_(network, network.input) {}

  /// The logits (rows, classes), at least in float.
  Tensor logits(const Tensor& rows) const { return cut_.after(cut_.before(rows), rows); }

 private:
  Cut cut_;
};

/// What the pass back starts from.
enum class Start { one, logit };

/// Passes forward through a network and back from one logit of each row to a value, by the derivative or by
/// rules.
class BackwardPass {
 public:
  /// `at` is the value that is gone back to, such as the network's input.
  BackwardPass(const Network& network, ValueId at, StepRules rules = {}, Start start = Start::one);

  /// What arrives at the value (rows, ...) for the class of each row.
  Tensor run(const Tensor& rows, const std::vector<int64_t>& classes) const;

  /// For each image what arrives at the value, stacked, with the targets that were chosen on the way.
  struct Found {
    Tensor activation;  // of the value
    Tensor arrived;
    Targets targets;
  };
  Found run(const Batch& batch) const;

  /// The same as a part of other work: it takes `runs_of(batch)` of its steps.
  Found run(const Batch& batch, Steps& steps) const;

  const Cut& cut() const { return cut_; }

 private:
  Tensor start_from(const Tensor& logits, const std::vector<int64_t>& classes) const;

  Cut cut_;
  Start start_;
};

}  // namespace iba
