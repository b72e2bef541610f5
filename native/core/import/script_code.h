#pragma once

#include <cstddef>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace iba::imported {

/// A dotted name, such as "__torch__.torch.nn.modules.conv.Conv2d", to which a definition refers.
struct ScriptMention {
  std::string name;
  /// Whether it stands in the type of an attribute.
  bool is_in_attribute;
};

/// A class or function of a TorchScript program.
struct ScriptDefinition {
  enum class Kind { class_type, tuple_type, enum_type, function };

  /// Without the module: "Conv2d".
  std::string name;
  Kind kind;
  std::vector<ScriptMention> mentions;
};

/// What the code of one module holds.
struct ScriptCode {
  std::vector<ScriptDefinition> definitions;
  /// The names of all methods.
  std::set<std::string> methods;
  /// The names that are called on a value, other than those of allowed operators.
  std::set<std::string> called_methods;
  size_t tokens = 0;
  /// The same program, written anew from what was read.
  std::string text;
};

/// What a program may use.
struct ScriptLimits {
  /// Whether it may call the operator, such as "aten::add".
  std::function<bool(std::string_view)> may_call;
  /// How many constants there are.
  size_t constants = 0;
};

/// Reads one file of the language in which torch.jit.save writes programs, and only that: no operators
/// between values, no comprehensions, loops over `range` alone, `return` at the end alone. What LibTorch's
/// compiler would go into, is bounded: expressions are at most 100 high, blocks 50 deep, and what it folds
/// while it compiles (texts and tuples of constants) stays small. Each operator that is called is asked for.
/// `place` begins the messages. Throws Malformed for what isn't such a program, and MODEL for what a program
/// must not do.
ScriptCode read_script_code(std::string_view source, const ScriptLimits& limits, const std::string& place);

}  // namespace iba::imported
