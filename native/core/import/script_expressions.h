#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "import/script_types.h"

namespace iba::imported {

/// An expression, as far as its size matters to a compiler that folds constants.
struct ScriptExpression {
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
struct ScriptScope {
  std::map<std::string, ScriptExpression> variables;
  /// Names that only ever mean a function of the program, and those that are called.
  std::set<std::string> functions, others, called;
};

/// Reads the expressions of a program, and bounds what a compiler makes of them.
class ScriptExpressionReader : protected ScriptTypeReader {
 protected:
  ScriptExpressionReader(std::string_view source, const ScriptLimits& limits, const std::string& place)
      : ScriptTypeReader(source, place), limits_(limits) {}

  /// What stands for a constant of a class or for an argument that is left out: LibTorch computes it while it
  /// loads.
  void literal();
  ScriptExpression expression();
  /// One or more, with commas between them.
  std::vector<ScriptExpression> expressions();

  /// Of the function that is being read.
  ScriptScope* scope_ = nullptr;

 private:
  using Expression = ScriptExpression;

  Expression primary();
  Expression tuple();
  Expression list();
  Expression dictionary();
  /// What begins with a name: an operator, a function, a constant, a variable.
  Expression named();
  /// torch.add(…) or ops.prim.min(…), and only where it is called: an operator is no value.
  Expression operator_call(std::string space);
  Expression constant();
  /// A class or function of the program, which is called, instantiated, or given a name.
  Expression mention();
  Expression function_call();
  /// The arguments of a call, and what `name` makes of them.
  Expression call(std::string_view name, const Expression& self = {});
  /// Attributes, elements and methods of a value.
  Expression after(Expression value);
  void subscript(Expression& value);
  Expression member(const Expression& value);

  [[noreturn]] void refuse_computed() const;
  [[noreturn]] void refuse_operator(const std::string& name) const;

  const ScriptLimits& limits_;
  bool is_literal_ = false;
};

}  // namespace iba::imported
