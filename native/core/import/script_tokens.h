#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "import/script_lexer.h"

namespace iba::imported {

/// Hands out the tokens of a program one after another, and writes anew what is taken.
class ScriptTokens {
 public:
  /// The source must outlive it; `place` begins the messages. Throws Malformed, as all that expects a token
  /// and finds another.
  ScriptTokens(std::string_view source, std::string place);

  const Token& now() const { return tokens_[position_]; }
  bool at(TokenKind kind) const { return now().kind == kind; }
  bool at(std::string_view text) const;
  bool followed_by(std::string_view text) const;

  std::string_view take(TokenKind kind, const char* what);
  void take(std::string_view text);
  bool take_if(std::string_view text);

  /// Passes over a whole line, which is not written.
  void skip_line();

  size_t size() const { return tokens_.size(); }
  std::string written() { return std::move(written_); }
  std::string where() const { return place_ + ", line " + std::to_string(now().line); }

  [[noreturn]] void expected(const std::string& what) const;

 private:
  std::string_view take();
  void write(const Token& token);
  void end_line();

  std::vector<Token> tokens_;
  std::string place_;
  size_t position_ = 0;
  std::string written_;
  size_t line_begin_ = 0;
  size_t indent_ = 0;
  size_t brackets_ = 0;
};

}  // namespace iba::imported
