#include "attribution/local_pass.h"

#include <algorithm>
#include <numeric>

#include "network/graph.h"

namespace iba {

namespace {

/// A window that covers more of an activation than this is not worth its bookkeeping.
constexpr double kLargestShare = 0.6;

/// Extent, along one side, of the outputs that a changed stretch of inputs can reach.
int64_t reached(int64_t changed, int64_t kernel, int64_t stride, int64_t outputs) {
  return std::min(outputs, (changed - 1 + kernel - 1) / stride + 1);
}

int64_t divide_up(int64_t dividend, int64_t divisor) {
  return dividend >= 0 ? (dividend + divisor - 1) / divisor : -(-dividend / divisor);
}

/// Where along one side the reached outputs begin, moved so that the window lies inside.
int64_t reached_from(int64_t changed_from, int64_t kernel, int64_t stride, int64_t padding, int64_t extent,
                     int64_t outputs) {
  int64_t first = divide_up(changed_from + padding - (kernel - 1), stride);
  return std::clamp<int64_t>(first, 0, outputs - extent);
}

/// Copies what two rectangles of one plane share. Each tensor (C, height, width) begins at its origin.
void copy_overlap(const Tensor& from, Pair from_origin, const Tensor& to, Pair to_origin) {
  Pair begin, extent;
  for (size_t side = 0; side < 2; ++side) {
    auto dimension = static_cast<int64_t>(side) + 1;
    begin[side] = std::max(from_origin[side], to_origin[side]);
    extent[side] = std::min(from_origin[side] + from.size(dimension), to_origin[side] + to.size(dimension)) -
                   begin[side];
    if (extent[side] <= 0) return;
  }
  auto part = [&](const Tensor& of, Pair origin) {
    return of.narrow(1, begin[0] - origin[0], extent[0]).narrow(2, begin[1] - origin[1], extent[1]);
  };
  part(to, to_origin).copy_(part(from, from_origin));
}

/// Rectangles of the changed copies, which may reach beyond the border.
Windows cut_out(const Tensor& clean, const Windows& changed, std::vector<Pair> origins, Pair size,
                double beyond_border) {
  auto rows = static_cast<int64_t>(origins.size());
  Tensor inside =
      at::empty({rows, clean.size(1), size[0], size[1]}, clean.options(), clean.suggest_memory_format());
  inside.fill_(beyond_border);
  for (int64_t row = 0; row < rows; ++row) {
    Pair origin = origins[static_cast<size_t>(row)];
    copy_overlap(clean[0], {0, 0}, inside[row], origin);
    copy_overlap(changed.inside[row], changed.origins[static_cast<size_t>(row)], inside[row], origin);
  }
  return {inside, std::move(origins)};
}

Tensor whole(const Tensor& clean, const Windows& changed) {
  Tensor copies =
      clean.expand({changed.inside.size(0), -1, -1, -1}).contiguous(clean.suggest_memory_format());
  for (int64_t row = 0; row < copies.size(0); ++row) {
    copy_overlap(changed.inside[row], changed.origins[static_cast<size_t>(row)], copies[row], {0, 0});
  }
  return copies;
}

/// For each row the smallest rectangle around both windows, all of one size.
std::pair<std::vector<Pair>, Pair> around_both(const Windows& first, const Windows& second,
                                               const Tensor& clean) {
  std::vector<Pair> origins(first.origins.size());
  Pair size{0, 0};
  for (size_t side = 0; side < 2; ++side) {
    auto dimension = static_cast<int64_t>(side) + 2;
    for (size_t row = 0; row < origins.size(); ++row) {
      origins[row][side] = std::min(first.origins[row][side], second.origins[row][side]);
      int64_t end = std::max(first.origins[row][side] + first.inside.size(dimension),
                             second.origins[row][side] + second.inside.size(dimension));
      size[side] = std::max(size[side], end - origins[row][side]);
    }
    for (auto& origin : origins) origin[side] = std::min(origin[side], clean.size(dimension) - size[side]);
  }
  return {origins, size};
}

Values every_value(const Network& network, const Tensor& image) {
  std::vector<ValueId> all(network.value_count);
  std::iota(all.begin(), all.end(), ValueId{0});
  return activations(network, image, all);
}

}  // namespace

LocalPass::LocalPass(const Network& network, const Tensor& image, Pair window)
    : network_(network),
      clean_(every_value(network, image)),
      local_(local_steps(window)),
      handed_over_(local_ == 0 ? network.input : network.steps[local_ - 1].output),
      rest_(network, handed_over_) {
  // Where everything is looked at, batch norms are computed apart. What is compared has to be rounded alike.
  if (precision_of(network) == at::kBFloat16)
    clean_[network_.output] = rest_.after(clean_, clean_[handed_over_]);
  forget_the_rest();
}

/// Most of an image's activations lie behind the local steps, and are not needed again.
void LocalPass::forget_the_rest() {
  std::vector<bool> needed(network_.value_count, false);
  needed[network_.input] = needed[network_.output] = true;
  for (size_t i = 0; i < local_; ++i) needed[network_.steps[i].output] = true;
  for (ValueId value = 0; value < network_.value_count; ++value) {
    if (!needed[value]) clean_[value].reset();
  }
}

/// The longest beginning of the network whose windows stay small, and from which one value alone goes on.
size_t LocalPass::local_steps(Pair window) const {
  Graph graph(network_);
  std::vector<Pair> extents(network_.value_count);
  extents[network_.input] = window;
  // The last step that reads any value before the current one.
  size_t open_until = graph.last_use(network_.input).value_or(0);
  size_t local = 0;
  for (size_t i = 0; i < network_.steps.size(); ++i) {
    const Step& step = network_.steps[i];
    const Tensor& output = clean_[step.output];
    if (output.dim() != 4) break;
    Pair extent = extents[step.inputs[0]];
    if (auto slides = window_of(step.operation)) {
      for (size_t side = 0; side < 2; ++side) {
        extent[side] = reached(extent[side], slides->extent[side], slides->stride[side],
                               output.size(static_cast<int64_t>(side) + 2));
      }
    } else if (std::holds_alternative<Add>(step.operation)) {
      Pair other = extents[step.inputs[1]];
      for (size_t side = 0; side < 2; ++side) extent[side] = std::max(extent[side], other[side]);
    } else if (!is_elementwise(step.operation)) {
      break;
    }
    extents[step.output] = extent;
    double share =
        static_cast<double>(extent[0] * extent[1]) / static_cast<double>(output.size(2) * output.size(3));
    if (share > kLargestShare) break;
    if (open_until <= i) local = i + 1;
    open_until = std::max(open_until, graph.last_use(step.output).value_or(0));
  }
  return local;
}

Windows LocalPass::forward(const Step& step, const std::vector<Windows>& known) const {
  const Windows& changed = known[step.inputs[0]];
  const Tensor& clean = clean_[step.inputs[0]];
  if (auto slides = window_of(step.operation)) {
    const Tensor& output = clean_[step.output];
    Pair extent, read;
    auto origins = changed.origins, read_origins = changed.origins;
    for (size_t side = 0; side < 2; ++side) {
      auto dimension = static_cast<int64_t>(side) + 2;
      int64_t kernel = slides->extent[side], stride = slides->stride[side], padding = slides->padding[side];
      extent[side] = reached(changed.inside.size(dimension), kernel, stride, output.size(dimension));
      read[side] = (extent[side] - 1) * stride + kernel;
      for (size_t row = 0; row < origins.size(); ++row) {
        origins[row][side] = reached_from(changed.origins[row][side], kernel, stride, padding, extent[side],
                                          output.size(dimension));
        read_origins[row][side] = origins[row][side] * stride - padding;
      }
    }
    Windows input = cut_out(clean, changed, read_origins, read, slides->beyond_border);
    return {iba::forward(without_padding(step.operation), {std::move(input.inside)}, nullptr), origins};
  }
  if (std::holds_alternative<Add>(step.operation)) {
    const Windows& other = known[step.inputs[1]];
    auto [origins, size] = around_both(changed, other, clean);
    Windows first = cut_out(clean, changed, origins, size, 0);
    Windows second = cut_out(clean_[step.inputs[1]], other, origins, size, 0);
    return {first.inside.add_(second.inside), origins};
  }
  return {iba::forward(step.operation, {changed.inside}, nullptr), changed.origins};
}

Tensor LocalPass::logits(Windows pixels) const {
  std::vector<Windows> known(network_.value_count);
  auto keep = [&](ValueId value, Windows windows) {
    // The type in which the steps read it.
    windows.inside = windows.inside.to(clean_[value].scalar_type());
    known[value] = std::move(windows);
  };
  keep(network_.input, std::move(pixels));
  for (size_t i = 0; i < local_; ++i) {
    const Step& step = network_.steps[i];
    keep(step.output, forward(step, known));
  }
  return rest_.after(clean_, whole(clean_[handed_over_], known[handed_over_]));
}

}  // namespace iba
