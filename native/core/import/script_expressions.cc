#include "import/script_expressions.h"

#include <algorithm>
#include <charconv>

#include "io/malformed.h"

namespace iba::imported {

namespace {

constexpr size_t kMostTupleParts = 256;
constexpr size_t kLongestConstantText = 256;
constexpr size_t kLongestText = 1 << 20;

/// Functions of the language itself.
const std::set<std::string_view> kBuiltIn = {
    "annotate", "unchecked_cast", "uninitialized", "isinstance", "getattr", "int",
    "float",    "bool",           "str",           "print",      "sorted"};

/// Operators whose result holds the texts they are given.
const std::set<std::string_view> kOnTexts = {"aten::add",   "aten::add_",        "aten::format",
                                             "aten::str",   "aten::lower",       "aten::upper",
                                             "aten::strip", "aten::__getitem__", "aten::slice"};

void add_part(ScriptExpression& whole, const ScriptExpression& part, bool is_tuple) {
  whole.height = std::max(whole.height, part.height + 1);
  whole.text += part.text;
  whole.parts = is_tuple ? whole.parts + part.parts : std::max(whole.parts, part.parts + 1);
}

}  // namespace

void ScriptExpressionReader::literal() {
  is_literal_ = true;
  if (expression().text > kLongestConstantText) refuse("has a constant text of more than 256 characters");
  is_literal_ = false;
}

std::vector<ScriptExpression> ScriptExpressionReader::expressions() {
  std::vector<Expression> all{expression()};
  while (in_.take_if(",")) {
    if (in_.at(TokenKind::newline) || in_.at("=") || in_.at(")")) break;
    all.push_back(expression());
  }
  return all;
}

ScriptExpression ScriptExpressionReader::expression() {
  if (++height_ > kHighestExpression) refuse_height();
  Expression made = after(primary());
  --height_;
  if (made.text > kLongestText) refuse("makes a text of more than 2^20 characters");
  if (made.parts > kMostTupleParts) refuse("makes a tuple of more than 256 parts");
  return made;
}

ScriptExpression ScriptExpressionReader::primary() {
  if (in_.take_if("-")) {
    if (!in_.at("inf") && !in_.at("nan")) {
      in_.take(TokenKind::number, "a number");
    } else {
      identifier();
    }
    return {};
  }
  if (in_.at(TokenKind::number)) {
    in_.take(TokenKind::number, "a number");
    return {};
  }
  if (in_.at(TokenKind::text)) return {.text = in_.take(TokenKind::text, "a text").size()};
  if (in_.at("(")) return tuple();
  if (in_.at("[")) return list();
  if (in_.at("{")) return dictionary();
  return named();
}

ScriptExpression ScriptExpressionReader::tuple() {
  in_.take("(");
  Expression made;
  bool is_tuple = in_.at(")");
  while (!in_.at(")")) {
    Expression part = expression();
    is_tuple |= in_.at(",");
    if (!is_tuple) {
      in_.take(")");
      part.is_function = false;
      part.name.clear();
      ++part.height;
      return part;
    }
    add_part(made, part, true);
    if (!in_.take_if(",")) break;
  }
  in_.take(")");
  return made;
}

ScriptExpression ScriptExpressionReader::list() {
  in_.take("[");
  Expression made;
  while (!in_.at("]")) {
    add_part(made, expression(), false);
    if (!in_.take_if(",")) break;
  }
  in_.take("]");
  return made;
}

ScriptExpression ScriptExpressionReader::dictionary() {
  in_.take("{");
  Expression made;
  while (!in_.at("}")) {
    add_part(made, expression(), false);
    in_.take(":");
    add_part(made, expression(), false);
    if (!in_.take_if(",")) break;
  }
  in_.take("}");
  return made;
}

ScriptExpression ScriptExpressionReader::named() {
  if (in_.at("torch")) return operator_call("aten");
  if (in_.at("ops")) return operator_call("");
  if (in_.at("CONSTANTS")) return constant();
  if (in_.at("__torch__")) return mention();
  if (in_.followed_by("(")) return function_call();
  std::string name = identifier();
  auto known = scope_->variables.find(name);
  Expression made = known == scope_->variables.end() ? Expression{} : known->second;
  made.height = 1;
  made.name = std::move(name);
  return made;
}

ScriptExpression ScriptExpressionReader::operator_call(std::string space) {
  take_name();
  in_.take(".");
  if (space.empty()) {
    space = identifier();
    in_.take(".");
  }
  std::string name = space + "::" + identifier();
  if (name == "aten::device") return call(name);
  if (is_literal_) refuse_computed();
  if (!limits_.may_call(name)) refuse_operator(name);
  return call(name);
}

ScriptExpression ScriptExpressionReader::constant() {
  take_name();
  in_.take(".");
  std::string name = identifier();
  size_t index = limits_.constants;
  std::from_chars(name.data() + 1, name.data() + name.size(), index);
  if (name[0] != 'c' || index >= limits_.constants || name != "c" + std::to_string(index)) {
    throw io::Malformed(in_.where() + ": there is no constant '" + name + "'");
  }
  return {};
}

ScriptExpression ScriptExpressionReader::mention() {
  if (is_literal_) refuse_computed();
  std::string name = dotted_name();
  constexpr std::string_view kMaker = ".__new__";
  if (in_.at("(")) {
    std::string_view type = name;
    if (type.ends_with(kMaker)) type.remove_suffix(kMaker.size());
    refer_to(std::string(type));
    return call("");
  }
  refer_to(name);
  return {.is_function = true};
}

ScriptExpression ScriptExpressionReader::function_call() {
  std::string name = identifier();
  if (scope_->variables.contains(name)) {
    scope_->called.insert(name);
    return call("");
  }
  if (!kBuiltIn.contains(name)) refuse("calls '" + name + "', which is no function of the program");
  bool takes_type = name == "annotate" || name == "unchecked_cast" || name == "uninitialized";
  if (is_literal_ && name != "annotate") refuse_computed();
  if (!takes_type) return call(name == "str" ? "aten::str" : "");
  in_.take("(");
  type();
  Expression made;
  if (in_.take_if(",")) made = expression();
  in_.take_if(",");
  in_.take(")");
  made.is_function = false;
  made.name.clear();
  ++made.height;
  return made;
}

ScriptExpression ScriptExpressionReader::call(std::string_view name, const Expression& self) {
  Expression made = self;
  made.parts = 0;
  in_.take("(");
  while (!in_.at(")")) {
    if (in_.at(TokenKind::name) && in_.followed_by("=")) {
      identifier();
      in_.take("=");
    }
    add_part(made, expression(), false);
    if (!in_.take_if(",")) break;
  }
  in_.take(")");
  return {.height = made.height + 1, .text = kOnTexts.contains(name) ? made.text : 0};
}

ScriptExpression ScriptExpressionReader::after(Expression value) {
  while (in_.at(".") || in_.at("[") || in_.at("(")) {
    if (is_literal_) refuse_computed();
    if (in_.at("(")) refuse("calls what is no function of the program");
    if (in_.at("[")) {
      subscript(value);
    } else {
      in_.take(".");
      value = member(value);
    }
    value.name.clear();
    value.is_function = false;
    if (value.height > kHighestExpression) refuse_height();
  }
  return value;
}

void ScriptExpressionReader::subscript(Expression& value) {
  in_.take("[");
  while (!in_.at("]")) {
    if (!in_.at(":") && !in_.at("]")) value.height = std::max(value.height, expression().height);
    in_.take_if(":");
    in_.take_if(",");
  }
  in_.take("]");
  ++value.height;
}

ScriptExpression ScriptExpressionReader::member(const Expression& value) {
  std::string name = identifier();
  if (!in_.at("(")) return {.height = value.height + 1, .text = kLongestConstantText};
  std::string as_operator = "aten::" + name;
  if (!limits_.may_call(as_operator)) code_.called_methods.insert(name);
  return call(as_operator, value);
}

void ScriptExpressionReader::refuse_computed() const {
  refuse("computes a constant, expected a plain value");
}

void ScriptExpressionReader::refuse_operator(const std::string& name) const {
  refuse("calls the operator '" + name +
         "', which a model must not do here: only operators that compute new values are allowed. Use another "
         "one, and don't trust this file unless you know why it does");
}

}  // namespace iba::imported
