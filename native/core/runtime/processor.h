#pragma once

namespace iba {

/// Whether LibTorch multiplies matrices as fast as it convolves. Its library for products is made for Intel's
/// processors: on AMD's, convolutions are faster.
bool multiplies_matrices_well();

}  // namespace iba
