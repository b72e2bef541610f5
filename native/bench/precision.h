#pragma once

#include <optional>
#include <string>
#include <vector>

#include "torch.h"

namespace iba::bench {

/// What products of matrices and convolutions are computed in. `tf32` are float32 numbers of which NVIDIA's
/// matrix units read 10 bits of the fraction.
enum class Precision { float32, tf32, bfloat16 };

std::string name_of(Precision precision);
std::optional<Precision> precision_named(const std::string& name);

/// Lets float32 products on a GPU be as exact as the precision says, whatever LibTorch's own default is.
void use_precision(Precision precision);

}  // namespace iba::bench
