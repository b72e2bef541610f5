#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace iba::io {

/// Whether `text` is valid UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

void append_utf8(std::string& text, uint32_t code_point);

/// The bytes that Python's text.encode('latin1') gives; throws Malformed for characters above U+00FF.
std::string utf8_to_latin1(std::string_view text);

}  // namespace iba::io
