#pragma once

#include <functional>
#include <map>
#include <string>

#include "import/script_code.h"

namespace iba::imported {

/// The code of a TorchScript file, checked as a whole: what it refers to is defined in it, and definitions
/// refer to each other without circles, at most 100 deep and with at most 10,000 modules in a class, as
/// LibTorch's compiler goes from one into the next.
class ScriptProgram {
 public:
  /// `sources` by module, such as "__torch__.torch.nn.modules.conv". `is_operator` tells whether LibTorch has
  /// an operator of that name, whether it may be called or not. Throws Malformed or MODEL.
  ScriptProgram(const std::map<std::string, std::string>& sources, const ScriptLimits& limits,
                const std::function<bool(std::string_view)>& is_operator);

  /// Whether there is such a class or function, such as "__torch__.torch.nn.modules.conv.Conv2d".
  bool defines(const std::string& name) const { return definitions_.contains(name); }

  /// The code of a module, written anew, or null.
  const std::string* text(const std::string& module) const;

 private:
  /// What a dotted name refers to: a definition, or an enum by one of its values. Null where there is none.
  const ScriptDefinition* find(const std::string& mention) const;
  void check_methods(const std::function<bool(std::string_view)>& is_operator) const;
  void check_mentions() const;
  void check_depth() const;

  std::map<std::string, ScriptCode> modules_;
  std::map<std::string, const ScriptDefinition*> definitions_;
};

}  // namespace iba::imported
