#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace iba::imported {

/// What a piece of TorchScript's text is.
enum class TokenKind : uint8_t { name, number, text, symbol, newline, indent, dedent, end };

struct Token {
  TokenKind kind;
  /// As it stands in the source, which must outlive it; a text with its quotation marks.
  std::string_view text;
  uint32_t line;
};

/// Takes the source apart. It knows only what torch.jit.save writes: ASCII, no operators but brackets,
/// commas, colons, dots, "=", "->" and the minus of a number. Comments are left out. Throws Malformed, whose
/// message begins with `place`, for the rest and for more than `kMostTokens`.
std::vector<Token> lex_script(std::string_view source, const std::string& place);

/// Ten times as many as large traced networks have.
inline constexpr size_t kMostTokens = 1'000'000;

}  // namespace iba::imported
