#pragma once

#include <vector>

#include "network/network.h"

namespace iba {

struct ClassifierOptions {
  double momentum = 0.9;
  double weight_decay = 5e-4;
  double label_smoothing = 0.1;
};

/// What one batch gave: the mean loss, and how many images were classified as labelled.
struct BatchOutcome {
  double loss;
  int64_t correct;
};

/// Trains a network of the zoo to classify: cross-entropy with label smoothing, stochastic gradient descent
/// with Nesterov momentum, weight decay on everything with two or more dimensions, batch norm on batch
/// statistics.
class ClassifierTrainer {
 public:
  /// Starts from fresh weights: He-normal convolutions (fan out), as torchvision starts its ResNets.
  ClassifierTrainer(Network network, uint64_t seed, ClassifierOptions options);

  /// One step on pictures (N, H, W, 3) of bytes, each mirrored or not by chance and resized to a square of
  /// `size` pixels, and their labels (N).
  BatchOutcome step(const Tensor& pictures, const Tensor& labels, int64_t size, double learning_rate);

  /// The outcome of a batch in evaluation mode, at the same size as in training; nothing is learnt.
  BatchOutcome evaluate(const Tensor& pictures, const Tensor& labels, int64_t size) const;

  const Network& network() const { return network_; }

 private:
  struct Trained {
    Tensor parameter;
    Tensor momentum;
    bool decays;
  };

  Network network_;
  ClassifierOptions options_;
  at::Generator generator_;
  std::vector<Trained> trained_;
};

}  // namespace iba
