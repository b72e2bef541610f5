#pragma once

#include <vector>

#include "network/interpreter.h"

namespace iba {

/// A network cut at a layer: what lies before runs once per image, what lies after as often as needed. Values
/// that skip across the cut travel along, but for numbers, such as a batch size, and what is made of those
/// alone, which are computed again.
class Cut {
 public:
  /// Runs behind the cut may alter the values in `altered`.
  Cut(const Network& network, ValueId at, StepRules rules = {}, const std::vector<ValueId>& altered = {});

  /// Runs everything that doesn't depend on the cut value. The result holds the cut value and all skipping
  /// ones.
  Values before(const Tensor& images) const;

  /// The network's output, at least in float, for a replaced value at the cut, beside skipping values of as
  /// many rows.
  Tensor after(const Values& values, Tensor replacement, Interpreter::Tape* tape = nullptr,
               const Alterations& alterations = {}) const;

  /// The gradient at the cut, at least in float, for the gradient at the network's output.
  Tensor backward(Interpreter::Tape& tape, Tensor gradient, const Alterations& alterations = {}) const;

  /// The same as it arrives, in the network's precision.
  Tensor backward_in_precision(Interpreter::Tape& tape, Tensor gradient,
                               const Alterations& alterations = {}) const;

  /// bfloat16 where all steps behind the cut read its value in that, or else float.
  at::ScalarType type() const { return type_; }

  /// The skipping values alone, one row for each index in `rows`.
  Values select(const Values& values, const Tensor& rows) const;

  ValueId at() const { return at_; }
  /// The values that `after` reads beside the replaced one.
  const std::vector<ValueId>& skipping() const { return skipping_; }

 private:
  struct Division;
  Cut(const Network& network, ValueId at, const Division& division, StepRules rules,
      const std::vector<ValueId>& altered);
  void check_rows(ValueId value, const Tensor& skipping, int64_t images) const;

  const Network& network_;
  ValueId at_;
  std::vector<ValueId> skipping_;
  at::ScalarType type_;
  Interpreter prefix_;
  Interpreter suffix_;
};

}  // namespace iba
