#include "import/script_code.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "error.h"
#include "import/script_lexer.h"
#include "io/malformed.h"

namespace iba::imported {

using io::Malformed;

namespace {

constexpr size_t kHighestExpression = 100;
constexpr size_t kDeepestBlock = 50;
constexpr size_t kMostTypeParts = 256;
constexpr size_t kMostTupleParts = 256;
constexpr size_t kLongestConstantText = 256;
constexpr size_t kLongestText = 1 << 20;
constexpr size_t kLongestLine = 100;
constexpr size_t kMostDots = 50;
constexpr size_t kMostMembers = 10'000;
constexpr size_t kMostParameters = 1000;

using Names = std::set<std::string, std::less<>>;

/// Functions of the language itself.
const Names kBuiltIn = {"annotate", "unchecked_cast", "uninitialized", "isinstance", "getattr", "int",
                        "float",    "bool",           "str",           "print",      "sorted"};

/// Operators whose result holds the texts they are given.
const Names kOnTexts = {"aten::add",   "aten::add_",  "aten::format",      "aten::str",  "aten::lower",
                        "aten::upper", "aten::strip", "aten::__getitem__", "aten::slice"};

/// An expression, as far as its size matters to a compiler that folds constants.
struct Expression {
  size_t height = 1;
  /// The most characters of constant text that may be in its value.
  size_t text = 0;
  /// The elements of a tuple, with those of tuples in it.
  size_t parts = 1;
  /// Where it is nothing but a name: of a variable, or "__torch__…".
  std::string name = {};
  bool is_function = false;
};

/// The names of one function.
struct Scope {
  std::map<std::string, Expression, std::less<>> variables;
  /// Names that only ever mean a function of the program, and those that are called.
  Names functions, others, called;
};

/// Hands out tokens, and writes anew what is taken.
class Tokens {
 public:
  Tokens(std::string_view source, std::string place)
      : tokens_(lex_script(source, place)), place_(std::move(place)) {}

  const Token& now() const { return tokens_[position_]; }
  bool at(TokenKind kind) const { return now().kind == kind; }
  bool at(std::string_view text) const { return is(now(), text); }
  bool followed_by(std::string_view text) const {
    return !at(TokenKind::end) && is(tokens_[position_ + 1], text);
  }

  std::string_view take(TokenKind kind, const char* what) {
    if (!at(kind)) expected(what);
    return take();
  }
  void take(std::string_view text) {
    if (!at(text)) expected("'" + std::string(text) + "'");
    take();
  }
  bool take_if(std::string_view text) {
    bool is_there = at(text);
    if (is_there) take();
    return is_there;
  }

  /// Passes over a whole line, which is not written.
  void skip_line() {
    while (!at(TokenKind::newline)) ++position_;
    ++position_;
  }

  size_t size() const { return tokens_.size(); }
  std::string written() { return std::move(written_); }
  std::string where() const { return place_ + ", line " + std::to_string(now().line); }

  [[noreturn]] void expected(const std::string& what) const {
    std::string_view found = now().text.substr(0, 40);
    throw Malformed(where() + ": expected " + what + ", found " +
                    (found.empty() ? "the end of a line or block" : "'" + std::string(found) + "'"));
  }

 private:
  static bool is(const Token& token, std::string_view text) {
    return token.text == text && (token.kind == TokenKind::name || token.kind == TokenKind::symbol);
  }

  std::string_view take() {
    const Token& token = tokens_[position_++];
    write(token);
    return token.text;
  }

  void write(const Token& token) {
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

  void end_line() {
    written_ += '\n';
    line_begin_ = written_.size();
  }

  std::vector<Token> tokens_;
  std::string place_;
  size_t position_ = 0;
  std::string written_;
  size_t line_begin_ = 0;
  size_t indent_ = 0;
  size_t brackets_ = 0;
};

class Parser {
 public:
  Parser(std::string_view source, const ScriptLimits& limits, const std::string& place)
      : in_(source, place), limits_(limits) {}

  ScriptCode run() {
    code_.tokens = in_.size();
    // What versions before 1.2 wrote in front.
    while (in_.at("import") || in_.at("op_version_set")) in_.skip_line();
    while (!in_.at(TokenKind::end)) definition();
    code_.text = in_.written();
    return std::move(code_);
  }

 private:
  // ---- definitions

  void definition() {
    if (in_.at("class")) return class_definition();
    if (!in_.at("def")) in_.expected("'class' or 'def'");
    code_.definitions.push_back({"", ScriptDefinition::Kind::function, {}});
    std::string name = function();
    code_.definitions.back().name = name;
  }

  void class_definition() {
    in_.take("class");
    std::string name = identifier();
    auto kind = ScriptDefinition::Kind::class_type;
    if (in_.take_if("(")) {
      if (in_.at("NamedTuple")) kind = ScriptDefinition::Kind::tuple_type;
      if (in_.at("Enum")) kind = ScriptDefinition::Kind::enum_type;
      static const Names kBases = {"Module", "NamedTuple", "Interface", "ModuleInterface", "Enum"};
      if (!kBases.contains(in_.now().text)) in_.expected("'Module', 'NamedTuple', 'Interface' or 'Enum'");
      in_.take(TokenKind::name, "a name");
      in_.take(")");
    }
    code_.definitions.push_back({name, kind, {}});
    size_t members = 0;
    block([&] {
      if (++members > kMostMembers) refuse("has a class of more than 10,000 attributes and methods");
      if (kind == ScriptDefinition::Kind::enum_type) {
        enumerator();
      } else if (in_.at("def")) {
        code_.methods.insert(function());
      } else {
        attribute();
      }
    });
  }

  /// `NAME = "value"`.
  void enumerator() {
    Scope scope;
    scope_ = &scope;
    identifier();
    in_.take("=");
    literal();
    end_statement();
  }

  /// `name : type`, `name : Final[type] = constant`, `__parameters__ = [names]` or `__annotations__["0"] =
  /// type`.
  void attribute() {
    Scope scope;
    scope_ = &scope;
    is_in_attribute_ = true;
    bool is_list = in_.followed_by("=");
    bool is_annotation = in_.followed_by("[");
    std::string name = identifier();
    if (is_annotation) {
      if (name != "__annotations__") in_.expected("':' or '='");
      in_.take("[");
      in_.take(TokenKind::text, "a name in quotation marks");
      in_.take("]");
      in_.take("=");
      type();
    } else if (is_list) {
      in_.take("=");
      in_.take("[");
      while (!in_.at("]")) {
        in_.take(TokenKind::text, "a name in quotation marks");
        if (!in_.take_if(",")) break;
      }
      in_.take("]");
    } else {
      in_.take(":");
      type();
      if (in_.take_if("=")) literal();
    }
    end_statement();
    is_in_attribute_ = false;
  }

  std::string function() {
    in_.take("def");
    std::string name = identifier();
    if (name == "__setstate__" || name == "__getstate__") {
      refuse("defines '" + name +
             "', which would run while the model loads. Save a module whose attributes say all of its state");
    }
    Scope scope;
    scope_ = &scope;
    in_.take("(");
    size_t parameters = 0;
    while (!in_.at(")")) {
      if (++parameters > kMostParameters) refuse("has a function of more than 1,000 arguments");
      std::string parameter = identifier();
      if (in_.take_if(":")) type();
      if (in_.take_if("=")) literal();
      set(parameter, {});
      if (!in_.take_if(",")) break;
    }
    in_.take(")");
    if (in_.take_if("->")) type();
    bool returned = false;
    block([&] {
      if (returned) in_.expected("the end of the function after its 'return'");
      returned = in_.at("return");
      if (returned) {
        in_.take("return");
        if (!in_.at(TokenKind::newline)) expressions();
        end_statement();
      } else {
        statement();
      }
    });
    for (const auto& called : scope.called) {
      if (!scope.functions.contains(called) || scope.others.contains(called)) {
        refuse("calls '" + called + "', which is no function of the program");
      }
    }
    return name;
  }

  // ---- statements

  template <typename Statement>
  void block(const Statement& one) {
    in_.take(":");
    in_.take(TokenKind::newline, "the end of the line");
    in_.take(TokenKind::indent, "an indented block");
    if (++depth_ > kDeepestBlock) refuse("has blocks nested more than 50 deep");
    while (!in_.at(TokenKind::dedent)) one();
    --depth_;
    in_.take(TokenKind::dedent, "the end of the block");
  }

  void end_statement() { in_.take(TokenKind::newline, "the end of the line"); }

  void statement() {
    auto inside = [&] { block([&] { statement(); }); };
    if (in_.take_if("if")) {
      expression();
      inside();
      if (in_.take_if("else")) inside();
    } else if (in_.take_if("for")) {
      set(identifier(), {});
      in_.take("in");
      in_.take("range");
      in_.take("(");
      expression();
      in_.take(")");
      inside();
    } else if (in_.take_if("while")) {
      expression();
      inside();
    } else if (in_.take_if("with")) {
      expression();
      if (in_.take_if("as")) set(identifier(), {});
      inside();
    } else if (in_.at("def")) {
      refuse(
          "runs a part in the background (prim::fork), which a list of steps can't follow. Trace the model "
          "with "
          "torch.jit.trace");
    } else if (in_.take_if("pass")) {
      end_statement();
    } else {
      simple_statement();
    }
  }

  /// Assigns to names or attributes, or calls for the effect alone.
  void simple_statement() {
    auto targets = expressions();
    if (in_.take_if(":")) type();
    if (!in_.take_if("=")) return end_statement();
    auto values = expressions();
    bool is_unpacked = targets.size() != values.size();
    for (size_t i = 0; i < targets.size(); ++i) {
      if (!targets[i].name.empty()) set(targets[i].name, is_unpacked ? values[0] : values[i]);
    }
    end_statement();
  }

  void set(const std::string& name, const Expression& value) {
    Expression& variable = scope_->variables[name];
    // The more of two branches.
    variable.text = std::max(variable.text, value.text);
    variable.parts = std::max(variable.parts, value.parts);
    (value.is_function ? scope_->functions : scope_->others).insert(name);
  }

  // ---- expressions

  /// What stands for a constant of a class or for an argument that is left out: LibTorch computes it while it
  /// loads.
  void literal() {
    is_literal_ = true;
    if (expression().text > kLongestConstantText) refuse("has a constant text of more than 256 characters");
    is_literal_ = false;
  }

  std::vector<Expression> expressions() {
    std::vector<Expression> all{expression()};
    while (in_.take_if(",")) {
      if (in_.at(TokenKind::newline) || in_.at("=") || in_.at(")")) break;
      all.push_back(expression());
    }
    return all;
  }

  Expression expression() {
    if (++height_ > kHighestExpression) refuse_height();
    Expression made = after(primary());
    --height_;
    if (made.text > kLongestText) refuse("makes a text of more than 2^20 characters");
    if (made.parts > kMostTupleParts) refuse("makes a tuple of more than 256 parts");
    return made;
  }

  Expression primary() {
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

  static void add_part(Expression& whole, const Expression& part, bool is_tuple) {
    whole.height = std::max(whole.height, part.height + 1);
    whole.text += part.text;
    whole.parts = is_tuple ? whole.parts + part.parts : std::max(whole.parts, part.parts + 1);
  }

  Expression tuple() {
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

  Expression list() {
    in_.take("[");
    Expression made;
    while (!in_.at("]")) {
      add_part(made, expression(), false);
      if (!in_.take_if(",")) break;
    }
    in_.take("]");
    return made;
  }

  Expression dictionary() {
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

  /// What begins with a name: an operator, a function, a constant, a variable.
  Expression named() {
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

  /// torch.add(…) or ops.prim.min(…), and only where it is called: an operator is no value.
  Expression operator_call(std::string space) {
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

  Expression constant() {
    take_name();
    in_.take(".");
    std::string name = identifier();
    size_t index = limits_.constants;
    std::from_chars(name.data() + 1, name.data() + name.size(), index);
    if (name[0] != 'c' || index >= limits_.constants || name != "c" + std::to_string(index)) {
      throw Malformed(in_.where() + ": there is no constant '" + name + "'");
    }
    return {};
  }

  /// A class or function of the program, which is called, instantiated, or given a name.
  Expression mention() {
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

  void refer_to(std::string name) {
    code_.definitions.back().mentions.push_back({std::move(name), is_in_attribute_});
  }

  Expression function_call() {
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

  /// The arguments of a call, and what `name` makes of them.
  Expression call(std::string_view name, const Expression& self = {}) {
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

  /// Attributes, elements and methods of a value.
  Expression after(Expression value) {
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

  void subscript(Expression& value) {
    in_.take("[");
    while (!in_.at("]")) {
      if (!in_.at(":") && !in_.at("]")) value.height = std::max(value.height, expression().height);
      in_.take_if(":");
      in_.take_if(",");
    }
    in_.take("]");
    ++value.height;
  }

  Expression member(const Expression& value) {
    std::string name = identifier();
    if (!in_.at("(")) return {.height = value.height + 1, .text = kLongestConstantText};
    std::string as_operator = "aten::" + name;
    if (!limits_.may_call(as_operator)) code_.called_methods.insert(name);
    return call(as_operator, value);
  }

  // ---- types and names

  void type() {
    size_t parts = 0;
    type(parts);
  }

  void type(size_t& parts) {
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

  std::string dotted_name() {
    std::string name(in_.take(TokenKind::name, "a name"));
    for (size_t dots = 0; in_.take_if("."); ++dots) {
      if (dots == kMostDots) refuse("has a name of more than 50 parts");
      name += "." + std::string(in_.take(TokenKind::name, "a name"));
    }
    return name;
  }

  void take_name() { in_.take(TokenKind::name, "a name"); }

  std::string identifier() {
    static const Names kReserved = {"and",    "as",     "assert", "break",  "class", "continue", "def",
                                    "del",    "elif",   "else",   "for",    "from",  "global",   "if",
                                    "import", "in",     "is",     "lambda", "not",   "or",       "pass",
                                    "raise",  "return", "while",  "with",   "yield", "fork"};
    if (in_.at(TokenKind::name) && kReserved.contains(in_.now().text)) in_.expected("a name");
    return std::string(in_.take(TokenKind::name, "a name"));
  }

  // ---- refusals

  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(ErrorCode::model, in_.where() + ": the program " + what + ".");
  }

  [[noreturn]] void refuse_height() const { refuse("has an expression nested more than 100 deep"); }

  [[noreturn]] void refuse_computed() const { refuse("computes a constant, expected a plain value"); }

  [[noreturn]] void refuse_operator(const std::string& name) const {
    refuse(
        "calls the operator '" + name +
        "', which a model must not do here: only operators that compute new values are allowed. Use another "
        "one, and don't trust this file unless you know why it does");
  }

  Tokens in_;
  const ScriptLimits& limits_;
  ScriptCode code_;
  Scope* scope_ = nullptr;
  size_t height_ = 0;
  size_t depth_ = 0;
  bool is_literal_ = false;
  bool is_in_attribute_ = false;
};

}  // namespace

ScriptCode read_script_code(std::string_view source, const ScriptLimits& limits, const std::string& place) {
  return Parser(source, limits, place).run();
}

}  // namespace iba::imported
