#pragma once

#include <functional>
#include <future>
#include <vector>

#include "torch.h"

namespace iba {

/// A stream of standard normal numbers of its own. On the CPU it gives what `torch.manual_seed(seed)`
/// followed by one `normal_()` per call gives in Python; on another device that device's generator is used.
class NoiseStream {
 public:
  NoiseStream(uint64_t seed, at::Device device);

  /// A new tensor of that shape.
  at::Tensor draw(at::IntArrayRef shape);

  /// Draws into a tensor on the stream's device, however it lies.
  void fill(at::Tensor& numbers);

 private:
  at::Generator generator_;
  at::Device device_;
};

/// Draws ahead: while some tensors are worked with, the next are drawn on another thread.
class NoiseAhead {
 public:
  using Draw = std::function<std::vector<at::Tensor>()>;

  /// `draw` is called `count` times in all. On another device than the CPU it is called when it is needed.
  NoiseAhead(Draw draw, int64_t count, at::Device device);

  std::vector<at::Tensor> next();

 private:
  void start();

  Draw draw_;
  int64_t remaining_;
  bool ahead_;
  std::future<std::vector<at::Tensor>> coming_;
};

}  // namespace iba
