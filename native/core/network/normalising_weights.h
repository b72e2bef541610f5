#pragma once

#include "network/network.h"

namespace iba {

/// The weights with which convolutions and linear layers do the batch norm behind them as well, by their
/// steps; computed in double precision, in the type of the weights themselves. Only where a batch norm alone
/// reads what the layer gives.
std::map<size_t, Weights> normalising_weights(const Network& network);

}  // namespace iba
