#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace iba::io {

/// Any JSON. Asking a value for what it isn't throws Malformed.
class JsonValue {
 public:
  using Array = std::vector<JsonValue>;
  using Members = std::vector<std::pair<std::string, JsonValue>>;

  /// Parses the whole text; `what` names it in messages. Nesting beyond 64 is refused.
  static JsonValue parse(std::string_view text, const std::string& what);

  bool is_null() const { return std::holds_alternative<std::monostate>(content_); }
  bool is_integer() const { return std::holds_alternative<int64_t>(content_); }
  bool is_string() const { return std::holds_alternative<std::string>(content_); }
  bool is_array() const { return std::holds_alternative<Array>(content_); }
  bool is_object() const { return std::holds_alternative<Members>(content_); }

  bool boolean() const;
  int64_t integer() const;
  /// Of an integer as well, and of the texts that stand for what JSON has no numbers for, such as "Infinity".
  double real() const;
  const std::string& string() const;
  const Array& array() const;
  const Members& members() const;

  /// The member of that name, or null.
  const JsonValue* find(std::string_view name) const;
  /// The member of that name, which must be there.
  const JsonValue& operator[](std::string_view name) const;

 private:
  friend class JsonParser;
  std::variant<std::monostate, bool, int64_t, double, std::string, Array, Members> content_;
};

}  // namespace iba::io
