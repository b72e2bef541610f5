#include "import/script_types.h"

#include <set>

#include "error.h"

namespace iba::imported {

namespace {

constexpr size_t kMostTypeParts = 256;
constexpr size_t kMostDots = 50;

}  // namespace

void ScriptTypeReader::type() {
  size_t parts = 0;
  type(parts);
}

void ScriptTypeReader::type(size_t& parts) {
  if (++parts > kMostTypeParts) refuse("has a type of more than 256 parts");
  if (++height_ > kHighestExpression) refuse_height();
  if (in_.at("__torch__")) {
    refer_to(dotted_name());
  } else {
    dotted_name();
  }
  if (in_.take_if("[")) {
    while (!in_.at("]")) {
      if (in_.take_if("(")) {
        in_.take(")");
      } else {
        type(parts);
      }
      if (!in_.take_if(",")) break;
    }
    in_.take("]");
  }
  --height_;
}

std::string ScriptTypeReader::dotted_name() {
  std::string name(in_.take(TokenKind::name, "a name"));
  for (size_t dots = 0; in_.take_if("."); ++dots) {
    if (dots == kMostDots) refuse("has a name of more than 50 parts");
    name += "." + std::string(in_.take(TokenKind::name, "a name"));
  }
  return name;
}

void ScriptTypeReader::take_name() {
  in_.take(TokenKind::name, "a name");
}

std::string ScriptTypeReader::identifier() {
  static const std::set<std::string_view> kReserved = {
      "and",  "as",  "assert", "break",  "class",  "continue", "def",  "del",   "elif",
      "else", "for", "from",   "global", "if",     "import",   "in",   "is",    "lambda",
      "not",  "or",  "pass",   "raise",  "return", "while",    "with", "yield", "fork"};
  if (in_.at(TokenKind::name) && kReserved.contains(in_.now().text)) in_.expected("a name");
  return std::string(in_.take(TokenKind::name, "a name"));
}

void ScriptTypeReader::refer_to(std::string name) {
  code_.definitions.back().mentions.push_back({std::move(name), is_in_attribute_});
}

void ScriptTypeReader::refuse(const std::string& what) const {
  throw Error(ErrorCode::model, in_.where() + ": the program " + what + ".");
}

void ScriptTypeReader::refuse_height() const {
  refuse("has an expression nested more than 100 deep");
}

}  // namespace iba::imported
