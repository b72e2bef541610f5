#pragma once

#include <functional>

#include "network/network.h"

namespace iba {

/// Normal numbers from a generator of their own, seeded with (CRC-32 of the name + seed) mod 2³²: one
/// `normal_()` call on a float tensor of that shape.
Tensor seeded_normal(const std::string& name, uint64_t seed, at::IntArrayRef shape, double std);

/// Fills every parameter from its own generator, as `seeded_normal` does, so that the same weights can be
/// made anywhere without a download: scaled normal convolution and linear weights, batch norm near the
/// identity, a smaller scale in the last batch norm of each residual branch. For tests and for trying things;
/// such a network has learnt nothing.
void seed_weights(Network& network, uint64_t seed);

/// As `seed_weights`, for the parameters that are chosen by their names. The tensors are replaced, so that
/// copies of the network keep theirs.
void seed_weights(Network& network, uint64_t seed, const std::function<bool(const std::string&)>& chosen);

}  // namespace iba
