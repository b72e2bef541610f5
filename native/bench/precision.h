#pragma once

#include <optional>
#include <string>
#include <vector>

#include "network/network.h"

namespace iba::bench {

/// What products of matrices and convolutions are computed in. `tf32` are float32 numbers of which NVIDIA's
/// matrix units read 10 bits of the fraction.
enum class Precision { float32, tf32, bfloat16 };

std::string name_of(Precision precision);
std::optional<Precision> precision_named(const std::string& name);

/// The network in the precision. Lets float32 products on a GPU be as exact as that says, whatever LibTorch's
/// own default is.
Network use_precision(const Network& network, Precision precision);

}  // namespace iba::bench
