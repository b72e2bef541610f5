#pragma once

#include <array>

#include "torch.h"

namespace iba {

/// What a bilinear resize reads beyond the border: the nearest pixel again, or the picture mirrored at it.
enum class Border { repeat, mirror };

/// That resize along one axis, as a matrix (to, from) on the CPU.
at::Tensor resize_matrix(int64_t from, int64_t to, Border border);

/// A map (h, w) on the CPU, resized to (H, W): bilinear, with pixel centres aligned (align_corners = false).
at::Tensor enlarge(const at::Tensor& map, std::array<int64_t, 2> size, Border border = Border::repeat);

}  // namespace iba
