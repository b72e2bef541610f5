#pragma once

#include <optional>
#include <string>

#include "network/operations/operator.h"

namespace iba {

/// A number among an operator's arguments. Absent where it is none, or one that is computed.
std::optional<double> number_argument(const Operator& op, const std::string& name);

/// A parameter among them; undefined where there is none.
Tensor parameter_argument(const Operator& op, const std::string& name);

/// Which of the step's inputs it takes by that name. Absent where that is a constant.
std::optional<size_t> input_argument(const Operator& op, const std::string& name);

}  // namespace iba
