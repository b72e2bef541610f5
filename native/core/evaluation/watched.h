#pragma once

#include "network/network.h"
#include "target/objective.h"

namespace iba {

/// What an evaluation watches of an image as it changes: a target, settled by the network's outputs for the
/// image as it is.
class Watched {
 public:
  /// `clean` is these outputs (outputs), double on the CPU.
  Watched(const Target& target, const Network& network, const Tensor& clean);

  /// The class or label; -1 for another target.
  int64_t index() const { return target_.is_class() ? target_.index : -1; }

  /// Of the outputs (rows, outputs) of changed images the target's probability (rows), or its score where it
  /// has none.
  Tensor strength(const Tensor& outputs) const { return objective_.strength(outputs); }

  /// Their scores (rows): of a class the logits.
  Tensor score(const Tensor& outputs) const { return objective_.score(outputs); }

 private:
  Target target_;
  Objective objective_;
};

}  // namespace iba
