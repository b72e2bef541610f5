#pragma once

#include <string>
#include <vector>

#include "error.h"
#include "torch.h"

namespace iba {

/// Whether no value of a tensor is NaN or infinite. One pass, without a copy.
bool is_finite(const at::Tensor& values);

/// Throws an error of that code unless all values are finite. `what` names them, as in "the map"; `remedy` is
/// the message's last sentence.
void require_finite(const at::Tensor& values, ErrorCode code, const std::string& what,
                    const std::string& remedy);

/// The same of what a network computes of images, a row for each, whose names are given. Throws NOT_FINITE.
void require_finite_rows(const at::Tensor& rows, const std::vector<std::string>& names,
                         const std::string& what);

/// The same of a single number.
void require_finite(double value, ErrorCode code, const std::string& what, const std::string& remedy);

}  // namespace iba
