#pragma once

#include "network/operation.h"

namespace iba {

/// Whether this processor convolves in bfloat16 and adds and rectifies before it writes the result: that is
/// oneDNN's, which not every build of LibTorch has, nor every processor.
bool fuses_convolutions();

/// Whether what follows a convolution is computed with it: on the CPU such a convolution's in bfloat16, and
/// on a GPU any, whose batch norm is in its weights there.
bool is_fusible(const Convolution& convolution);

/// Whether oneDNN computes it so for such images: others take passes of LibTorch's, one for each.
bool lie_for_fusion(const Tensor& images);

/// The convolution's weights as oneDNN reads them for images of such a height and width.
Tensor packed_weight(const Convolution& convolution, const Tensor& images);

/// The convolution, then the addition of a shortcut (which may be undefined), then the ReLU (which may be
/// null), in one pass over memory where the images lie for it. For convolutions that are fusible.
Tensor convolve_add_and_rectify(const Convolution& convolution, const Tensor& x, const Tensor& shortcut,
                                const Relu* relu);

}  // namespace iba
