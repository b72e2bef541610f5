#include "import/script_tokens.h"

#include "io/malformed.h"

namespace iba::imported {

namespace {

constexpr size_t kLongestLine = 100;

bool is(const Token& token, std::string_view text) {
  return token.text == text && (token.kind == TokenKind::name || token.kind == TokenKind::symbol);
}

}  // namespace

ScriptTokens::ScriptTokens(std::string_view source, std::string place)
    : tokens_(lex_script(source, place)), place_(std::move(place)) {}

bool ScriptTokens::at(std::string_view text) const {
  return is(now(), text);
}

bool ScriptTokens::followed_by(std::string_view text) const {
  return !at(TokenKind::end) && is(tokens_[position_ + 1], text);
}

std::string_view ScriptTokens::take(TokenKind kind, const char* what) {
  if (!at(kind)) expected(what);
  return take();
}

void ScriptTokens::take(std::string_view text) {
  if (!at(text)) expected("'" + std::string(text) + "'");
  take();
}

bool ScriptTokens::take_if(std::string_view text) {
  bool is_there = at(text);
  if (is_there) take();
  return is_there;
}

void ScriptTokens::skip_line() {
  while (!at(TokenKind::newline)) ++position_;
  ++position_;
}

void ScriptTokens::expected(const std::string& what) const {
  std::string_view found = now().text.substr(0, 40);
  throw io::Malformed(where() + ": expected " + what + ", found " +
                      (found.empty() ? "the end of a line or block" : "'" + std::string(found) + "'"));
}

std::string_view ScriptTokens::take() {
  const Token& token = tokens_[position_++];
  write(token);
  return token.text;
}

void ScriptTokens::write(const Token& token) {
  if (token.kind == TokenKind::indent) ++indent_;
  if (token.kind == TokenKind::dedent) --indent_;
  if (token.kind == TokenKind::newline) end_line();
  if (token.text.empty()) return;
  if (line_begin_ == written_.size()) {
    written_.append(indent_, ' ');
  } else {
    written_ += ' ';
  }
  written_ += token.text;
  if (is(token, "(") || is(token, "[") || is(token, "{")) ++brackets_;
  if (is(token, ")") || is(token, "]") || is(token, "}")) --brackets_;
  // Messages of LibTorch's quote whole lines.
  if (brackets_ > 0 && written_.size() - line_begin_ > kLongestLine) end_line();
}

void ScriptTokens::end_line() {
  written_ += '\n';
  line_begin_ = written_.size();
}

}  // namespace iba::imported
