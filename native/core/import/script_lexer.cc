#include "import/script_lexer.h"

#include <algorithm>

#include "io/malformed.h"

namespace iba::imported {

using io::Malformed;

namespace {

constexpr size_t kDeepestBrackets = 200;
constexpr size_t kDeepestIndent = 100;
constexpr size_t kLongestName = 512;
constexpr size_t kLongestNumber = 64;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool begins_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

class Lexer {
 public:
  Lexer(std::string_view source, const std::string& place) : source_(source), place_(place) {}

  std::vector<Token> run() {
    begin_line();
    while (position_ < source_.size()) {
      char c = source_[position_];
      if (c == ' ') {
        ++position_;
      } else if (c == '#') {
        skip_comment();
      } else if (c == '\n') {
        end_line();
      } else {
        token(c);
      }
    }
    if (brackets_ > 0) fail("ends within a bracket");
    if (!line_is_empty()) add(TokenKind::newline, 0);
    for (; indents_.size() > 1; indents_.pop_back()) add(TokenKind::dedent, 0);
    add(TokenKind::end, 0);
    return std::move(tokens_);
  }

 private:
  bool line_is_empty() const {
    if (tokens_.empty()) return true;
    TokenKind last = tokens_.back().kind;
    return last == TokenKind::newline || last == TokenKind::indent || last == TokenKind::dedent;
  }

  void skip_comment() { position_ = std::min(source_.find('\n', position_), source_.size()); }

  void end_line() {
    ++position_;
    ++line_;
    if (brackets_ > 0) return;
    if (!line_is_empty()) add(TokenKind::newline, 0);
    begin_line();
  }

  /// Measures the spaces of a line that holds something.
  void begin_line() {
    size_t begin = position_;
    size_t first = std::min(source_.find_first_not_of(' ', begin), source_.size());
    if (first == source_.size() || source_[first] == '\n' || source_[first] == '#') return;
    size_t spaces = first - begin;
    position_ = first;
    if (spaces > indents_.back()) {
      if (indents_.size() > kDeepestIndent) fail("is nested too deep");
      indents_.push_back(spaces);
      return add(TokenKind::indent, 0);
    }
    for (; spaces < indents_.back(); indents_.pop_back()) add(TokenKind::dedent, 0);
    if (spaces != indents_.back()) fail("is indented like no line before it");
  }

  void token(char c) {
    bool is_fraction = c == '.' && is_digit(at(1));
    if (begins_name(c)) return add(TokenKind::name, name_length());
    if (is_digit(c) || is_fraction) return add(TokenKind::number, number_length());
    if (c == '"' || c == '\'') return add(TokenKind::text, text_length(c));
    if (c == '-' && at(1) == '>') return add(TokenKind::symbol, 2);
    if (std::string_view("()[]{},:=.-").find(c) == std::string_view::npos) {
      fail("has a character that torch.jit.save doesn't write there");
    }
    if (c == '(' || c == '[' || c == '{') {
      if (++brackets_ > kDeepestBrackets) fail("has brackets nested too deep");
    } else if (c == ')' || c == ']' || c == '}') {
      if (brackets_-- == 0) fail("closes a bracket that isn't open");
    }
    add(TokenKind::symbol, 1);
  }

  char at(size_t ahead) const {
    return position_ + ahead < source_.size() ? source_[position_ + ahead] : '\0';
  }

  size_t name_length() const {
    size_t length = 1;
    while (begins_name(at(length)) || is_digit(at(length))) ++length;
    if (length > kLongestName) fail("has a name that is too long");
    return length;
  }

  size_t number_length() const {
    size_t length = 0;
    auto digits = [&] {
      while (is_digit(at(length))) ++length;
    };
    digits();
    if (at(length) == '.') ++length;
    digits();
    if (at(length) == 'e') {
      size_t exponent = at(length + 1) == '-' || at(length + 1) == '+' ? 2 : 1;
      if (!is_digit(at(length + exponent))) fail("has a number without its exponent");
      length += exponent;
      digits();
    }
    if (at(length) == 'j') ++length;
    if (length > kLongestNumber) fail("has a number that is too long");
    return length;
  }

  size_t text_length(char quote) const {
    size_t length = 1;
    for (; at(length) != quote; ++length) {
      if (at(length) == '\\') ++length;
      char c = at(length);
      if (c < ' ' || c > '~') fail("has a text that doesn't end in its line, or holds more than ASCII");
    }
    if (length == 1 && at(2) == quote) fail("has a text in triple quotation marks");
    return length + 1;
  }

  void add(TokenKind kind, size_t length) {
    if (tokens_.size() == kMostTokens) fail("is too long");
    tokens_.push_back({kind, source_.substr(position_, length), line_});
    position_ += length;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw Malformed(place_ + ", line " + std::to_string(line_) + ", " + what);
  }

  std::string_view source_;
  const std::string& place_;
  size_t position_ = 0;
  uint32_t line_ = 1;
  size_t brackets_ = 0;
  std::vector<size_t> indents_{0};
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> lex_script(std::string_view source, const std::string& place) {
  return Lexer(source, place).run();
}

}  // namespace iba::imported
