#pragma once

#include "torch.h"

namespace iba {

/// A stream of standard normal numbers of its own. On the CPU it gives what `torch.manual_seed(seed)`
/// followed by one `normal_()` per call gives in Python; on another device that device's generator is used.
class NoiseStream {
 public:
  NoiseStream(uint64_t seed, at::Device device);

  /// Fills the tensor, which must be contiguous and on the stream's device, and returns it.
  at::Tensor& fill(at::Tensor& tensor);

 private:
  at::Generator generator_;
};

}  // namespace iba
