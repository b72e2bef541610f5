#include "io/json_reader.h"

#include <limits>

#include "io/malformed.h"
#include "io/utf8.h"

namespace iba::io {

void JsonReader::fail(const std::string& expected) const {
  throw Malformed(what_ + ": expected " + expected + " at byte " + std::to_string(position_) + " of it");
}

void JsonReader::skip_white_space() {
  while (position_ < text_.size()) {
    const char c = text_[position_];
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r') return;
    ++position_;
  }
}

bool JsonReader::accept(char wanted) {
  skip_white_space();
  if (position_ == text_.size() || text_[position_] != wanted) return false;
  ++position_;
  return true;
}

void JsonReader::expect(char wanted) {
  if (!accept(wanted)) fail(std::string("'") + wanted + "'");
}

void JsonReader::end() {
  skip_white_space();
  if (position_ != text_.size()) fail("the end");
}

char JsonReader::next() {
  if (position_ == text_.size()) fail("the end of a string");
  return text_[position_++];
}

uint32_t JsonReader::hexadecimal() {
  uint32_t code = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = next();
    const bool digit = c >= '0' && c <= '9';
    const char lower = static_cast<char>(c | 0x20);
    if (!digit && (lower < 'a' || lower > 'f')) fail("four hexadecimal digits");
    code = code * 16 + static_cast<uint32_t>(digit ? c - '0' : lower - 'a' + 10);
  }
  return code;
}

void JsonReader::unicode_escape(std::string& out) {
  uint32_t code = hexadecimal();
  if (code >= 0xD800 && code < 0xDC00) {
    if (next() != '\\' || next() != 'u') fail("the second half of a surrogate pair");
    const uint32_t low = hexadecimal();
    if (low < 0xDC00 || low > 0xDFFF) fail("the second half of a surrogate pair");
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  } else if (code >= 0xDC00 && code < 0xE000) {
    fail("the first half of a surrogate pair");
  }
  append_utf8(out, code);
}

void JsonReader::escape(std::string& out) {
  constexpr std::string_view kLetters = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  const char letter = next();
  if (letter == 'u') return unicode_escape(out);
  const size_t index = kLetters.find(letter);
  if (index == std::string_view::npos) fail("an escape sequence");
  out.push_back(kMeanings[index]);
}

std::string JsonReader::string() {
  expect('"');
  std::string out;
  for (char c = next(); c != '"'; c = next()) {
    if (static_cast<uint8_t>(c) < 0x20) fail("a string without control characters");
    if (c == '\\') {
      escape(out);
    } else {
      out.push_back(c);
    }
  }
  if (!is_utf8(out)) fail("UTF-8 text before this place");
  return out;
}

int64_t JsonReader::count() {
  skip_white_space();
  const size_t begin = position_;
  int64_t value = 0;
  for (; position_ < text_.size() && text_[position_] >= '0' && text_[position_] <= '9'; ++position_) {
    const int digit = text_[position_] - '0';
    if (value > (std::numeric_limits<int64_t>::max() - digit) / 10) fail("a number below 2^63");
    value = value * 10 + digit;
  }
  const size_t digits = position_ - begin;
  if (digits == 0 || (digits > 1 && text_[begin] == '0')) fail("an integer that is not negative");
  return value;
}

std::string JsonReader::number() {
  constexpr std::string_view kCharacters = "+-.0123456789Ee";
  skip_white_space();
  const size_t begin = position_;
  while (position_ < text_.size() && kCharacters.find(text_[position_]) != std::string_view::npos)
    ++position_;
  return std::string(text_.substr(begin, position_ - begin));
}

bool JsonReader::word(std::string_view word) {
  skip_white_space();
  if (text_.substr(position_, word.size()) != word) return false;
  position_ += word.size();
  return true;
}

char JsonReader::peek() {
  skip_white_space();
  return position_ < text_.size() ? text_[position_] : '\0';
}

std::string json_string(std::string_view text) {
  constexpr std::string_view kHexadecimal = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (static_cast<uint8_t>(c) < 0x20) {
      out += "\\u00";
      out += {kHexadecimal[static_cast<size_t>(c) >> 4], kHexadecimal[static_cast<size_t>(c) & 15]};
    } else {
      out.push_back(c);
    }
  }
  return out + '"';
}

}  // namespace iba::io
