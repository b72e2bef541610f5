#pragma once

#include "workload.h"

namespace iba::bench {

using Models = std::vector<std::string>;

/// How fast matrices are multiplied here, and which share of that the networks' convolutions reach.
void peak(const Models& models, const Options& options);

/// Seconds per map.
void per_sample(const Models& models, const Options& options);

/// Seconds per readout map, per image of a readout's training, and per image of a plain forward pass.
void readout(const Models& models, const Options& options);

/// Seconds for the degradation of one image from both ends.
void degradation(const Models& models, const Options& options);

/// What one step of a map computes and moves in memory, the least time that the hardware allows for it, and
/// what it takes.
void roofline(const Models& models, const Options& options);

/// Where the time of a map goes.
void breakdown(const Models& models, const Options& options);

}  // namespace iba::bench
