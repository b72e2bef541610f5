#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace iba::imported::onnx {

/// The texts of a list as Python prints it, such as "['', 'layer1']". Empty for anything else, and for more
/// than a hundred of them: it is what an exporter says besides, which no result depends on.
std::vector<std::string> python_texts(std::string_view list);

}  // namespace iba::imported::onnx
