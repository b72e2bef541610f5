#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "bottleneck/adam.h"
#include "bottleneck/readout.h"
#include "runtime/fitting_rows.h"

namespace iba {

struct ReadoutTrainingOptions {
  double beta;
  double learning_rate;
};

/// Images (B, C, H, W) with their labels, and the seed of each one's noise. A batch may be empty.
struct ReadoutBatch {
  Tensor images;
  std::vector<int64_t> labels;
  std::vector<uint64_t> seeds;
};

/// What a batch gave, as means over its images: loss = cross_entropy + β·information, in nats.
struct ReadoutOutcome {
  int64_t images = 0;
  double loss = 0;
  double cross_entropy = 0;
  double information = 0;
  /// How many were classified as labelled, behind the bottleneck.
  int64_t correct = 0;
  /// Of each parameter of the readout network, in its order; empty for an evaluation.
  std::vector<double> gradient_norms = {};
  /// The numbers that came with the batch, summed over the processes.
  std::vector<double> extras = {};
};

/// Adds up tensors over all processes that train together, in place.
using SumOverProcesses = std::function<void(const std::vector<Tensor>&)>;

/// Trains a readout network on labelled images: cross-entropy with one noise copy of each image, plus β times
/// the mean capacity, by Adam (Schulz et al. 2020, section 3.3). The readout network computes in the
/// precision of the one that is explained, which doesn't change; the readout's weights, statistics and the
/// optimiser are in float. What a step does depends on its batch alone, so that training can be repeated and
/// taken up again bit for bit.
class ReadoutTrainer {
 public:
  ReadoutTrainer(const Network& network, const Readout& readout, ReadoutTrainingOptions options);
  ReadoutTrainer(const ReadoutTrainer&) = delete;
  ReadoutTrainer& operator=(const ReadoutTrainer&) = delete;

  /// One step on the batches of all processes together; nothing is learnt if all are empty. `extras` are
  /// summed on the way. Throws NOT_FINITE, in all processes, where the loss or a gradient isn't finite;
  /// nothing is learnt then.
  ReadoutOutcome step(const ReadoutBatch& batch, const std::vector<double>& extras,
                      const SumOverProcesses& sum_over_processes = nullptr);

  /// The outcome of the batches; nothing is learnt. Throws NOT_FINITE where the loss isn't finite.
  ReadoutOutcome evaluate(const ReadoutBatch& batch,
                          const SumOverProcesses& sum_over_processes = nullptr) const;

  /// A copy of what was trained so far.
  Readout trained() const;

  /// Writes the readout with the optimiser's state and the caller's metadata, and goes on from such a file,
  /// whose metadata it gives. `save` throws NOT_FINITE where a number isn't finite, and leaves the file that
  /// is there; `restore` throws WEIGHTS where the file is of another training.
  void save(const std::filesystem::path& path, const std::map<std::string, std::string>& metadata) const;
  std::map<std::string, std::string> restore(const std::filesystem::path& path);

  const Network& network() const { return network_; }

 private:
  struct Sums;

  /// Fills in the sums of a batch, and its gradients.
  void add_up(const ReadoutBatch& batch, const ReadoutNetwork& readout_network, Sums& sums,
              std::vector<Tensor>* gradients) const;
  void add_run(const ReadoutBatch& batch, int64_t begin, int64_t end, const ReadoutNetwork& readout_network,
               Sums& sums, std::vector<Tensor>* gradients) const;
  ReadoutOutcome outcome_of(const Tensor& sums) const;

  ReadoutTrainingOptions options_;
  Network network_;
  at::ScalarType precision_;
  Readout readout_;
  ReadoutBottleneck bottleneck_;
  std::vector<Adam> optimizers_;
  mutable FittingRows rows_;
};

}  // namespace iba
