#include "io/json_value.h"

#include <charconv>
#include <limits>

#include "io/json_reader.h"
#include "io/malformed.h"

namespace iba::io {

namespace {

constexpr int kDeepest = 64;

template <typename T, typename Content>
const T& require(const Content& content, const char* expected) {
  const T* found = std::get_if<T>(&content);
  if (!found) throw Malformed(std::string("its JSON has something else where ") + expected + " should be");
  return *found;
}

}  // namespace

class JsonParser {
 public:
  JsonParser(std::string_view text, const std::string& what) : reader_(text, what) {}

  JsonValue whole() {
    JsonValue value = next(0);
    reader_.end();
    return value;
  }

 private:
  JsonValue next(int depth) {
    if (depth > kDeepest) reader_.fail("no deeper nesting");
    JsonValue value;
    const char first = reader_.peek();
    if (first == '{') {
      JsonValue::Members members;
      reader_.object([&](const std::string& name) { members.emplace_back(name, next(depth + 1)); });
      value.content_ = std::move(members);
    } else if (first == '[') {
      JsonValue::Array elements;
      reader_.array([&] { elements.push_back(next(depth + 1)); });
      value.content_ = std::move(elements);
    } else if (first == '"') {
      value.content_ = reader_.string();
    } else if (reader_.word("true")) {
      value.content_ = true;
    } else if (reader_.word("false")) {
      value.content_ = false;
    } else if (!reader_.word("null")) {
      number(value);
    }
    return value;
  }

  void number(JsonValue& value) {
    // As Python's json module writes them.
    if (reader_.word("NaN")) {
      value.content_ = std::numeric_limits<double>::quiet_NaN();
      return;
    }
    if (reader_.word("Infinity")) {
      value.content_ = std::numeric_limits<double>::infinity();
      return;
    }
    if (reader_.word("-Infinity")) {
      value.content_ = -std::numeric_limits<double>::infinity();
      return;
    }
    const std::string text = reader_.number();
    const char* end = text.data() + text.size();
    int64_t whole = 0;
    double real = 0;
    if (auto [stop, error] = std::from_chars(text.data(), end, whole); error == std::errc() && stop == end) {
      value.content_ = whole;
    } else if (auto [last, failure] = std::from_chars(text.data(), end, real);
               failure == std::errc() && last == end) {
      value.content_ = real;
    } else {
      reader_.fail("a value");
    }
  }

  JsonReader reader_;
};

JsonValue JsonValue::parse(std::string_view text, const std::string& what) {
  return JsonParser(text, what).whole();
}

bool JsonValue::boolean() const {
  return require<bool>(content_, "true or false");
}

int64_t JsonValue::integer() const {
  return require<int64_t>(content_, "an integer");
}

double JsonValue::real() const {
  if (const auto* whole = std::get_if<int64_t>(&content_)) return static_cast<double>(*whole);
  if (const auto* text = std::get_if<std::string>(&content_)) {
    if (*text == "Infinity") return std::numeric_limits<double>::infinity();
    if (*text == "-Infinity") return -std::numeric_limits<double>::infinity();
    if (*text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  }
  return require<double>(content_, "a number");
}

const std::string& JsonValue::string() const {
  return require<std::string>(content_, "a text");
}

const JsonValue::Array& JsonValue::array() const {
  return require<Array>(content_, "a list");
}

const JsonValue::Members& JsonValue::members() const {
  return require<Members>(content_, "an object");
}

const JsonValue* JsonValue::find(std::string_view name) const {
  for (const auto& [key, value] : members()) {
    if (key == name) return &value;
  }
  return nullptr;
}

const JsonValue& JsonValue::operator[](std::string_view name) const {
  if (const JsonValue* found = find(name)) return *found;
  throw Malformed("its JSON lacks the entry '" + std::string(name) + "'");
}

}  // namespace iba::io
