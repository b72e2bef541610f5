#pragma once

namespace iba {

/// Seconds of one forward pass of ten images through a convolution of 256 channels at 14 × 14 places, as in
/// the middle of a ResNet.
struct PrecisionProbe {
  double float32;
  double bfloat16;
};

/// Measures on the processor, for about 0.3 seconds.
PrecisionProbe probe_precisions();

}  // namespace iba
