#include "io/utf8.h"

#include <cstddef>

#include "io/malformed.h"

namespace iba::io {

namespace {

constexpr uint32_t kInvalid = 0xFFFFFFFF;

/// How many bytes follow a first byte; -1 if it can't be a first byte.
int continuation_count(uint8_t first) {
  if (first < 0x80) return 0;
  if (first >= 0xC2 && first < 0xE0) return 1;
  if (first >= 0xE0 && first < 0xF0) return 2;
  if (first >= 0xF0 && first < 0xF5) return 3;
  return -1;
}

/// Decodes the code point at `position` and moves behind it.
uint32_t next_code_point(std::string_view text, size_t& position) {
  const auto first = static_cast<uint8_t>(text[position++]);
  const int count = continuation_count(first);
  if (count <= 0) return count == 0 ? first : kInvalid;
  if (text.size() - position < static_cast<size_t>(count)) return kInvalid;
  uint32_t code = first & (0x3Fu >> count);
  for (int i = 0; i < count; ++i) {
    const auto next = static_cast<uint8_t>(text[position++]);
    if ((next & 0xC0) != 0x80) return kInvalid;
    code = code << 6 | (next & 0x3F);
  }
  const bool overlong = (count == 2 && code < 0x800) || (count == 3 && code < 0x10000);
  const bool surrogate = code >= 0xD800 && code < 0xE000;
  return overlong || surrogate || code > 0x10FFFF ? kInvalid : code;
}

}  // namespace

bool is_utf8(std::string_view text) {
  for (size_t position = 0; position < text.size();) {
    if (next_code_point(text, position) == kInvalid) return false;
  }
  return true;
}

void append_utf8(std::string& text, uint32_t code_point) {
  auto put = [&](uint32_t byte) { text.push_back(static_cast<char>(byte)); };
  auto put_continuation = [&](int shift) { put(0x80 | (code_point >> shift & 0x3F)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | code_point >> 6);
    put_continuation(0);
  } else if (code_point < 0x10000) {
    put(0xE0 | code_point >> 12);
    put_continuation(6);
    put_continuation(0);
  } else {
    put(0xF0 | code_point >> 18);
    put_continuation(12);
    put_continuation(6);
    put_continuation(0);
  }
}

std::string utf8_to_latin1(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (size_t position = 0; position < text.size();) {
    const uint32_t code = next_code_point(text, position);
    if (code > 0xFF) throw Malformed("a pickled text that should hold bytes has a character above U+00FF");
    bytes.push_back(static_cast<char>(code));
  }
  return bytes;
}

}  // namespace iba::io
