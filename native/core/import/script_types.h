#pragma once

#include <string>
#include <string_view>

#include "import/script_code.h"
#include "import/script_tokens.h"

namespace iba::imported {

/// How high expressions and types may be nested.
inline constexpr size_t kHighestExpression = 100;

/// Reads the names and types of a program, and notes which definitions they refer to.
class ScriptTypeReader {
 protected:
  ScriptTypeReader(std::string_view source, const std::string& place) : in_(source, place) {}

  void type();
  std::string dotted_name();
  void take_name();
  /// A name that is no word of the language.
  std::string identifier();
  void refer_to(std::string name);

  /// Throws MODEL, as all that a program must not do.
  [[noreturn]] void refuse(const std::string& what) const;
  [[noreturn]] void refuse_height() const;

  ScriptTokens in_;
  ScriptCode code_;
  /// Of the expression or type that is being read.
  size_t height_ = 0;
  bool is_in_attribute_ = false;

 private:
  void type(size_t& parts);
};

}  // namespace iba::imported
