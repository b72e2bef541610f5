#pragma once

#include <functional>
#include <map>
#include <string>

namespace iba::test {

/// How often this thread called each operator of LibTorch, by name such as "aten::add_", in some work. What
/// operators call themselves isn't counted.
std::map<std::string, int64_t> operator_calls(const std::function<void()>& work);

}  // namespace iba::test
