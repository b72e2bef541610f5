#pragma once

#include <vector>

#include "target/target.h"

namespace iba {

/// The targets of some images, ready for their outputs (images · copies, outputs), of which the copies of an
/// image follow each other. Works on the outputs' device, reads nothing back, and computes in their type.
class Objective {
 public:
  /// For settled targets of a network with so many outputs.
  Objective(const std::vector<Target>& targets, int64_t outputs, at::Device device);

  /// The number that is explained, of each row (rows), and its gradient with respect to the outputs (rows,
  /// outputs).
  Tensor score(const Tensor& outputs) const;
  Tensor score_gradient(const Tensor& outputs) const;

  /// What a bottleneck keeps small, of each row (rows), and its gradient.
  Tensor loss(const Tensor& outputs) const;
  Tensor loss_gradient(const Tensor& outputs) const;

  /// The probability that the network gives the target (rows); NaN where it means none.
  Tensor probability(const Tensor& outputs) const;

  /// What an evaluation watches (rows): the probability, or the score where there is none.
  Tensor strength(const Tensor& outputs) const;

  /// What a target's formulas read, a row for each of theirs.
  struct Parameters {
    Tensor index;    // (rows, 1)
    Tensor chosen;   // (rows, outputs), bool: what is contrasted with, or which labels hold
    Tensor weights;  // (rows, outputs)
    Tensor value;    // (rows, 1)
  };

 private:
  /// Images whose targets are of one kind.
  struct Group {
    Target::Kind kind;
    Tensor images;  // which; undefined where they are all
    Parameters parameters;
  };
  template <typename Choose>
  Tensor by_group(const Tensor& outputs, Choose choose) const;
  static Group group_of(Target::Kind kind, const std::vector<Target>& targets, int64_t outputs,
                        at::Device device);

  int64_t images_;
  std::vector<Group> groups_;
};

}  // namespace iba
