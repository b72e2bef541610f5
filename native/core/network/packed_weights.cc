#include "network/packed_weights.h"

#include "network/fused_convolution.h"

namespace iba {

namespace {

/// What the gradient of a convolution without strides is a convolution with, which oneDNN makes of it too;
/// its weights are those of the convolution, turned round.
std::optional<Convolution> settings_for_gradient(const Convolution& convolution) {
  Convolution back = convolution;
  back.weight = back.bias = Tensor();
  for (size_t axis : {0, 1}) {
    back.padding[axis] =
        convolution.dilation[axis] * (convolution.weight.size(2 + axis) - 1) - convolution.padding[axis];
    if (convolution.stride[axis] != 1 || back.padding[axis] < 0) return std::nullopt;
  }
  return convolution.groups == 1 ? std::optional(back) : std::nullopt;
}

Tensor turned_round(const Tensor& weight) {
  return weight.transpose(0, 1).flip({2, 3}).contiguous(at::MemoryFormat::ChannelsLast);
}

/// The weight for images of that size, which `pack` makes once. Undefined after the first of them.
template <typename Packed, typename Pack>
Tensor packed_for(const Tensor& images, Packed& packed, const Pack& pack) {
  const Pair size{images.size(2), images.size(3)};
  if (packed.image_size != size) {
    packed = {size, Tensor()};
  } else if (!packed.weight.defined()) {
    packed.weight = pack();
  }
  return packed.weight;
}

}  // namespace

PackedWeights::Entry& PackedWeights::entry_of(const Tensor& weight) {
  const void* key = weight.unsafeGetTensorImpl();
  auto found = entries_.find(key);
  if (found != entries_.end() && !found->second.plain.expired()) return found->second;
  std::erase_if(entries_, [](const auto& entry) { return entry.second.plain.expired(); });
  return entries_.emplace(key, Entry(weight)).first->second;
}

Convolution PackedWeights::for_input(const Convolution& convolution, const Tensor& input) {
  if (!lie_for_fusion(input)) return convolution;
  const std::lock_guard lock(mutex_);
  Convolution result = convolution;
  const Tensor weight = packed_for(input, entry_of(convolution.weight).for_inputs,
                                   [&] { return packed_weight(convolution, input); });
  if (weight.defined()) result.weight = weight;
  return result;
}

std::optional<Convolution> PackedWeights::for_gradient(const Convolution& convolution,
                                                       const Tensor& gradient) {
  auto back = settings_for_gradient(convolution);
  if (!back || !lie_for_fusion(gradient)) return std::nullopt;
  const std::lock_guard lock(mutex_);
  back->weight = packed_for(gradient, entry_of(convolution.weight).for_gradients, [&] {
    Convolution plain = *back;
    plain.weight = turned_round(convolution.weight);
    return packed_weight(plain, gradient);
  });
  return back->weight.defined() ? back : std::nullopt;
}

}  // namespace iba
