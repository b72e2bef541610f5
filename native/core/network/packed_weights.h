#pragma once

#include <map>
#include <mutex>
#include <optional>

#include "network/operations/convolution.h"

namespace iba {

/// A network's weights in bfloat16 as oneDNN's convolutions read them. Given plain ones, oneDNN lays them out
/// in every pass, which takes up to a twelfth of a map. The layout hangs on the images' height and width, so
/// it is kept once two inputs in a row have the same. For networks whose convolutions are fused; safe to call
/// from several threads.
class PackedWeights {
 public:
  /// The convolution of such an input, with weights that oneDNN alone can read or with its own.
  Convolution for_input(const Convolution& convolution, const Tensor& input);

  /// The convolution that takes such a gradient of the output back to the input. Absent where none does, and
  /// until its weights are kept.
  std::optional<Convolution> for_gradient(const Convolution& convolution, const Tensor& gradient);

 private:
  struct Packed {
    Pair image_size{};
    Tensor weight;  // undefined after the first input of that size
  };
  struct Entry {
    explicit Entry(const Tensor& weight) : plain(weight.getIntrusivePtr()) {}

    c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl> plain;
    Packed for_inputs, for_gradients;
  };

  Entry& entry_of(const Tensor& weight);

  std::mutex mutex_;
  std::map<const void*, Entry> entries_;  // by the plain weight, while it lives
};

}  // namespace iba
