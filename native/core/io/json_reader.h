#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace iba::io {

/// Reads JSON piece by piece: the caller asks for what must come next, so that nesting is as deep as the
/// caller's code and no more. Anything else throws Malformed.
class JsonReader {
 public:
  /// `what` names the text in messages.
  explicit JsonReader(std::string_view text,
                      std::string what = "the header is not the JSON of a safetensors file")
      : text_(text), what_(std::move(what)) {}

  /// An object; `on_member(name)` must read the value of each member.
  template <typename OnMember>
  void object(OnMember on_member) {
    expect('{');
    if (accept('}')) return;
    do {
      const std::string name = string();
      expect(':');
      on_member(name);
    } while (accept(','));
    expect('}');
  }

  /// An array; `on_element()` must read each element.
  template <typename OnElement>
  void array(OnElement on_element) {
    expect('[');
    if (accept(']')) return;
    do {
      on_element();
    } while (accept(','));
    expect(']');
  }

  std::string string();

  /// An integer from 0 to 2^63 - 1, without sign, fraction or exponent.
  int64_t count();

  /// A number with sign, fraction and exponent, as it is written.
  std::string number();

  /// Passes over `word`, such as "true", if it comes next.
  bool word(std::string_view word);

  /// The next character that is no white space, or 0 at the end.
  char peek();

  /// Nothing but white space may follow.
  void end();

  /// Throws that `expected` should stand here.
  [[noreturn]] void fail(const std::string& expected) const;

 private:
  void skip_white_space();
  bool accept(char wanted);
  void expect(char wanted);
  char next();
  uint32_t hexadecimal();
  void escape(std::string& out);
  void unicode_escape(std::string& out);

  std::string_view text_;
  std::string what_;
  size_t position_ = 0;
};

/// `text` as a JSON string, quotes included.
std::string json_string(std::string_view text);

}  // namespace iba::io
