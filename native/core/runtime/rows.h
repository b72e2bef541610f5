#pragma once

#include <cstdint>
#include <functional>

#include "torch.h"

namespace iba {

// A row is an image, or a changed copy of one, on its way through a network. `rows` is everywhere how many go
// through together at most: more of them keep a processor busier and take more memory. The results stay the
// same up to rounding; with one row, on the CPU, those of an image are the same bits in any batch.

/// How many rows go through together where nothing else is asked for; on a GPU, those that are tried first.
struct DefaultRows {
  int64_t cpu;
  int64_t cuda;

  int64_t on(at::Device device) const { return device.is_cpu() ? cpu : cuda; }
};

/// Forwards only, as evaluations do: nothing is kept on the way.
inline constexpr DefaultRows kForwardRows = {16, 128};
/// Forwards and back to one image or a few: every activation is kept.
inline constexpr int64_t kGradientRows = 16;
/// Noised copies, from the bottleneck on.
inline constexpr int64_t kNoisedRows = 32;
/// Images of a training step: the activations of the readout network are kept as well.
inline constexpr DefaultRows kTrainingRows = {8, 64};
/// Images whose layers are read for a readout network, and those that this network, which is large, takes of
/// them.
inline constexpr int64_t kReadoutRows = 16;
inline constexpr int64_t kReadoutNetworkRows = 8;

/// Splits so many rows into runs of equal length of at most `most`, and calls `run(begin, end)` for each.
void for_each_run(int64_t rows, int64_t most, const std::function<void(int64_t begin, int64_t end)>& run);

/// Whether, while it lives, rows of this thread went through in several runs where more rows would have made
/// one of them.
class RunsWatch {
 public:
  RunsWatch();
  ~RunsWatch();
  RunsWatch(const RunsWatch&) = delete;
  RunsWatch& operator=(const RunsWatch&) = delete;

  bool were_several() const;

 private:
  bool outer_;
};

/// How many runs that are.
int64_t runs_of(int64_t rows, int64_t most);

}  // namespace iba
