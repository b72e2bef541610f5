#pragma once

#include <cstdint>
#include <vector>

#include "network/network.h"

namespace iba {

/// What is explained of an image: it turns a network's outputs y for the image into one number, its score,
/// and into the loss that a bottleneck keeps small. A plain value.
struct Target {
  enum class Kind {
    /// A class: its logit, and its cross-entropy. `index`, or negative for the predicted one.
    classification,
    /// One label among those that may hold together: its logit, and −ln sigmoid of it.
    label,
    /// A class against others: y_index − ln Σ exp y_j over `others`, or over all others where there are none;
    /// as a loss −ln of the share that the class has of these.
    contrast,
    /// That of all labels just those in `others` hold: the negative binary cross-entropy, a mean over all
    /// labels
    /// (Khakzar et al. 2021).
    labels,
    /// An output: itself; as a loss the squared distance from what it is for the unchanged image
    /// (regression IBA, Khakzar et al. 2021).
    prediction,
    /// An output near `value`: the negative squared distance, and that distance.
    value,
    /// An output far from 0, on either side: its square, and the negative, which nothing bounds (what Khakzar
    /// et al. 2021 call maximising the score).
    away,
    /// The cosine with an embedding, `weights`, and its negative (M2IB, Wang et al. 2023).
    similarity,
    /// The sum of the outputs times `weights`, and its negative, which nothing bounds.
    weighting,
  };

  Kind kind = Kind::classification;
  int64_t index = -1;
  std::vector<int64_t> others = {};
  std::vector<double> weights = {};
  double value = 0;

  /// A class, or the predicted one where it is negative.
  static Target of_class(int64_t index) { return {.index = index}; }

  bool operator==(const Target&) const = default;
  bool is_class() const { return kind == Kind::classification || kind == Kind::label; }
};

/// Throws INVALID_ARGUMENT for a target that means nothing for the network's outputs.
void check_target(const Target& target, const Network& network);

/// The target with what depends on the outputs for the unchanged image filled in: which class is predicted,
/// which value an output has. `outputs` is one row, double on the CPU.
Target settled(const Target& target, OutputKind kind, const Tensor& outputs);

}  // namespace iba
