#pragma once

#include <vector>

#include <ATen/core/ivalue.h>

namespace iba::imported {

/// How long the texts of a TorchScript model may be, if it takes any, which it doesn't say. The likeliest
/// come first: as long as CLIP's; as many as a table of its parameters has rows, of which that of the
/// positions is one; and as long as one of its constants is, such as a mask.
std::vector<int64_t> possible_lengths(const at::IValue& model, const std::vector<at::IValue>& constants);

}  // namespace iba::imported
