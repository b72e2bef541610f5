#pragma once

#include "network/operation.h"

namespace iba {

/// Whether this processor convolves in bfloat16 and adds and rectifies before it writes the result: that is
/// oneDNN's, which not every build of LibTorch has, nor every processor.
bool fuses_convolutions();

/// Whether a convolution is such: in bfloat16, on the CPU.
bool is_fusible(const Convolution& convolution);

/// Whether it is computed so for such images: others take the passes of their own.
bool lie_for_fusion(const Tensor& images);

/// The convolution's weights as oneDNN reads them for images of such a height and width.
Tensor packed_weight(const Convolution& convolution, const Tensor& images);

/// The convolution, then the addition of a shortcut (which may be undefined), then the ReLU (which may be
/// null), in one pass over memory. In bfloat16, where `fuses_convolutions`.
Tensor convolve_add_and_rectify(const Convolution& convolution, const Tensor& x, const Tensor& shortcut,
                                const Relu* relu);

}  // namespace iba
