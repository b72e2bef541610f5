#pragma once

#include "import/recorder.h"

namespace iba::imported {

/// Records `aten::_native_multi_head_attention`, which LibTorch uses where no gradient is asked for, as the
/// operators it stands for. Throws MODEL where it is more than self-attention without a mask.
Item expand_attention(Recorder& recorder, const std::vector<Item>& arguments);

}  // namespace iba::imported
