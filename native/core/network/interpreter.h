#pragma once

#include <vector>

#include "network/alteration.h"
#include "network/fusion.h"
#include "network/network.h"
#include "network/precision.h"
#include "network/rule.h"

namespace iba {

/// The values of a run by their ids; undefined where not (or no longer) known.
using Values = std::vector<Tensor>;

/// Runs a selection of a network's steps, in order, each in its precision: what it reads is converted first.
/// The network must outlive it.
class Interpreter {
 public:
  /// What the forward pass left for the backward pass.
  using Tape = std::vector<StepState>;

  /// `steps` are indices into the network's steps; values in `wanted` are still there after a run, all others
  /// are freed after their last reader. Steps that have a rule in `rules` go back by it. Runs may alter the
  /// values in `altered`.
  Interpreter(const Network& network, std::vector<size_t> steps, std::vector<ValueId> wanted,
              StepRules rules = {}, const std::vector<ValueId>& altered = {});

  /// Computes the steps on values that hold every input they need. Fills `tape` where it is given.
  void forward(Values& values, Tape* tape = nullptr, const Alterations& alterations = {}) const;

  /// The gradient with respect to the value `target` for the gradient with respect to the value `source`, or
  /// what the rules make of it, in the precision in which it arrives. Consumes the tape of one forward pass.
  /// Throws MODEL where nothing connects the two.
  Tensor backward(Tape& tape, ValueId source, Tensor gradient, ValueId target,
                  const Alterations& alterations = {}) const;

  const std::vector<size_t>& steps() const { return steps_; }

 private:
  /// The k-th of the selected steps.
  const Step& step(size_t k) const { return network_.steps[steps_[k]]; }
  /// Its rule, or null.
  const Rule* rule(size_t k) const { return rules_.empty() ? nullptr : rules_[steps_[k]].get(); }
  void separate_ruled_steps();
  bool convolves_alone(size_t k) const;
  Tensor forward_single(size_t k, Values& values, Tape* tape) const;
  void backward_single(size_t k, Tape& tape, std::vector<Tensor>& gradients) const;
  void forward_fused(size_t k, Values& values, Tape* tape) const;
  void backward_fused(size_t k, Tape& tape, std::vector<Tensor>& gradients) const;
  Convolution convolution_of(size_t k) const;
  Tensor convolve_fused(size_t k, Values& values, Tape* tape) const;
  Tensor normalise_fused(size_t k, Values& values) const;
  Tensor take_shortcut(size_t k, Values& values) const;
  void convolve_fused_backward(size_t k, Tape& tape, std::vector<Tensor>& gradients) const;
  void normalise_fused_backward(size_t k, Tape& tape, std::vector<Tensor>& gradients) const;
  std::vector<Tensor> take_inputs(size_t k, Values& values) const;
  Tensor take_gradient(size_t k, std::vector<Tensor>& gradients) const;

  const Network& network_;
  Precision precision_;
  std::vector<size_t> steps_;
  std::vector<std::vector<ValueId>> freed_;  // per step: the values it reads last
  std::vector<Fusion> fusions_;              // per step: what is computed together from there on
  StepRules rules_;                          // by the network's steps
};

/// The values of several layers for a batch of images, computed in one pass that stops at the last of them,
/// in the network's precision.
std::vector<Tensor> activations(const Network& network, const Tensor& images,
                                const std::vector<ValueId>& values);

/// The logits of a batch of images, without gradient, at least in float. Throws as `require_probabilities`
/// does.
Tensor logits(const Network& network, const Tensor& images);

/// Throws NOT_FINITE where logits (rows, classes) have no softmax: one is NaN, or the greatest is infinite.
void require_probabilities(const Tensor& logits);

}  // namespace iba
