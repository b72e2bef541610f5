#pragma once

#include <string>
#include <string_view>

namespace iba::imported {

/// Whether a model file may call the operator, such as "aten::add", or its in-place form "aten::add_". All
/// others are refused before anything of the file runs: the list names what computes new values from the
/// values it is given, and nothing that could reach other memory, files, devices or the process.
bool is_allowed_operator(std::string_view qualified_name);

/// Throws MODEL, saying which operator is refused, where, and what to do.
[[noreturn]] void refuse_operator(std::string_view qualified_name, const std::string& where);

}  // namespace iba::imported
