#include "import/script_code.h"

#include <algorithm>

#include "import/script_expressions.h"

namespace iba::imported {

namespace {

constexpr size_t kDeepestBlock = 50;
constexpr size_t kMostMembers = 10'000;
constexpr size_t kMostParameters = 1000;

/// Reads the definitions and statements of a program.
class ScriptReader : ScriptExpressionReader {
 public:
  ScriptReader(std::string_view source, const ScriptLimits& limits, const std::string& place)
      : ScriptExpressionReader(source, limits, place) {}

  ScriptCode run() {
    code_.tokens = in_.size();
    // What versions before 1.2 wrote in front.
    while (in_.at("import") || in_.at("op_version_set")) in_.skip_line();
    while (!in_.at(TokenKind::end)) definition();
    code_.text = in_.written();
    return std::move(code_);
  }

 private:
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
      static const std::set<std::string_view> kBases = {"Module", "NamedTuple", "Interface",
                                                        "ModuleInterface", "Enum"};
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
    ScriptScope scope;
    scope_ = &scope;
    identifier();
    in_.take("=");
    literal();
    end_statement();
  }

  /// `name : type`, `name : Final[type] = constant`, `__parameters__ = [names]` or `__annotations__["0"] =
  /// type`.
  void attribute() {
    ScriptScope scope;
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
    ScriptScope scope;
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

  void set(const std::string& name, const ScriptExpression& value) {
    ScriptExpression& variable = scope_->variables[name];
    // The more of two branches.
    variable.text = std::max(variable.text, value.text);
    variable.parts = std::max(variable.parts, value.parts);
    (value.is_function ? scope_->functions : scope_->others).insert(name);
  }

  size_t depth_ = 0;
};

}  // namespace

ScriptCode read_script_code(std::string_view source, const ScriptLimits& limits, const std::string& place) {
  return ScriptReader(source, limits, place).run();
}

}  // namespace iba::imported
