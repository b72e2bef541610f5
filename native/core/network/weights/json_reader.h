#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace iba::weights {

/// Reads JSON whose structure the caller knows beforehand: the caller asks for what must come next, so
/// nesting is as deep as the caller's code and no more. Anything else throws Malformed.
class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text) {}

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

  /// Nothing but white space may follow.
  void end();

 private:
  void skip_white_space();
  bool accept(char wanted);
  void expect(char wanted);
  char next();
  uint32_t hexadecimal();
  void escape(std::string& out);
  void unicode_escape(std::string& out);
  [[noreturn]] void fail(const std::string& expected) const;

  std::string_view text_;
  size_t position_ = 0;
};

/// `text` as a JSON string, quotes included.
std::string json_string(std::string_view text);

}  // namespace iba::weights
