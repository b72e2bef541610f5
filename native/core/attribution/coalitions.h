#pragma once

#include <string>
#include <vector>

#include "attribution/passes.h"
#include "image/superpixels.h"

namespace iba {

/// How superpixels are found and hidden, and what is read of the network.
struct CoalitionSettings {
  SuperpixelOptions superpixels;
  std::string hidden;  // what stands in their place
  bool reads_probability;
};

/// The options of methods that hide superpixels, beside the common ones.
std::vector<OptionSpec> coalition_options(int64_t samples);
CoalitionSettings coalition_settings(const Options& options);

/// The superpixels of image b of a batch. A coalition is a set of them that stays, while the others are
/// hidden.
class Coalitions {
 public:
  Coalitions(const Batch& batch, int64_t b, const CoalitionSettings& settings);

  /// How many superpixels there are.
  int64_t count() const { return count_; }

  /// What the network says of the target for coalitions (N, count) of zeros and ones, in double precision on
  /// the CPU. It takes `runs_of(N, batch.rows)` steps.
  Tensor values(const ForwardPass& pass, const Targets& targets, const Tensor& coalitions,
                Steps& steps) const;

  /// The map (H, W) of a number for each superpixel.
  Tensor map(const Tensor& numbers) const;

 private:
  const Batch& batch_;
  int64_t b_;
  bool reads_probability_;
  Tensor parts_;  // (H, W), on the CPU
  int64_t count_;
  Tensor hidden_;  // the image (C, H, W) with everything hidden
};

}  // namespace iba
