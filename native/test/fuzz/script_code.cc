#include "import/script_program.h"
#include "support/input.h"

/// One module of a TorchScript program, which may call any operator.
void iba::fuzz::read(const Input& input) {
  const imported::ScriptLimits limits{[](std::string_view) { return true; }, 4};
  const auto is_operator = [](std::string_view) { return true; };
  imported::ScriptProgram({{"__torch__", input.text()}}, limits, is_operator);
}
