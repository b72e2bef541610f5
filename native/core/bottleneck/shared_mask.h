#pragma once

#include "bottleneck/information.h"
#include "network/grid.h"

namespace iba {

/// A mask of places (B, h, w, 1) on the grid of another layer: the mean over what each of its places covers.
/// Throws MODEL where the layers' places can't be compared.
Mask resized(const Mask& mask, const Grid& from, const Grid& to);

/// The gradient with respect to the mask's λ, `like` (B, h, w, 1), for that with respect to the resized
/// one's.
at::Tensor resized_adjoint(const at::Tensor& gradient, const Grid& from, const Grid& to,
                           const at::Tensor& like);

/// Each image's mask for so many copies, one after the other.
Mask repeated(const Mask& mask, int64_t copies);

}  // namespace iba
