#pragma once

#include <vector>

#include "network/cut.h"

namespace iba {

/// Copies of an activation that differ from it within one window each, of one size and at a place of its own.
struct Windows {
  Tensor inside;              // (rows, C, height, width)
  std::vector<Pair> origins;  // of each row's window: y, x

  int64_t height() const { return inside.size(2); }
  int64_t width() const { return inside.size(3); }
};

/// Passes copies of one image that differ from it only within small windows through a network. As long as a
/// change stays local, only what it reaches is computed, and the rest is known from the image itself; from
/// there on whole activations go on. The same as passing whole copies, but for rounding, in a fraction of the
/// time.
class LocalPass {
 public:
  /// For windows of that size on this image (1, C, H, W).
  LocalPass(const Network& network, const Tensor& image, Pair window);

  /// The logits (1, classes) of the image as it is.
  const Tensor& clean_logits() const { return clean_[network_.output]; }

  /// The logits (rows, classes) of copies of the image that hold other pixels inside their windows.
  Tensor logits(Windows pixels) const;

 private:
  size_t local_steps(Pair window) const;
  void forget_the_rest();
  Windows forward(const Step& step, const std::vector<Windows>& known) const;

  const Network& network_;
  Values clean_;         // every value of the image
  size_t local_;         // the first so many steps are computed within windows
  ValueId handed_over_;  // the one value that the steps after them need
  Cut rest_;
};

}  // namespace iba
