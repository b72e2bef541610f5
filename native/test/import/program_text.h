#pragma once

#include <string>
#include <vector>

#include "import/exported_program.h"
#include "import/recorder.h"

/// Exported programs written by hand: a program is the JSON of its nodes.
namespace iba::test {

/// Arguments: a tensor by its name, or a value.
inline std::string tensor(const std::string& name) {
  return R"({"as_tensor":{"name":")" + name + "\"}}";
}
inline std::string integer_argument(int64_t value) {
  return R"({"as_int":)" + std::to_string(value) + "}";
}
inline std::string real_argument(double value) {
  return R"({"as_float":)" + std::to_string(value) + "}";
}
inline std::string integers_argument(const std::string& list) {
  return R"({"as_ints":)" + list + "}";
}
inline std::string text_argument(const std::string& value) {
  return R"({"as_string":")" + value + "\"}";
}
inline std::string bool_argument(bool value) {
  return value ? R"({"as_bool":true})" : R"({"as_bool":false})";
}

struct NamedArgument {
  std::string name;
  std::string value;
};

/// A node that calls `target`, such as "aten.relu.default", and names its result.
inline std::string node(const std::string& target, const std::vector<NamedArgument>& arguments,
                        const std::string& result) {
  std::string inputs;
  for (const auto& [name, value] : arguments) {
    inputs += (inputs.empty() ? "" : ",") + (R"({"name":")" + name + R"(","kind":1,"arg":)" + value + "}");
  }
  return R"({"target":"torch.ops.)" + target + R"(","inputs":[)" + inputs + R"(],"outputs":[)" +
         tensor(result) + "]}";
}

inline std::string joined(const std::vector<std::string>& nodes) {
  std::string all;
  for (const auto& text : nodes) all += (all.empty() ? "" : ",") + text;
  return all;
}

/// A program that makes of images "x" (N × 3 × 8 × 8) what its last node names "y".
inline imported::ExportedProgram program(const std::vector<std::string>& nodes) {
  const std::string text =
      R"({"graph_module":{"signature":{"input_specs":[{"user_input":{"arg":{"as_tensor":{"name":"x"}}}}],)"
      R"("output_specs":[{"user_output":{"arg":{"as_tensor":{"name":"y"}}}}]},"graph":{"inputs":[],)"
      R"("outputs":[{"as_tensor":{"name":"y"}}],"nodes":[)" +
      joined(nodes) +
      R"(],"tensor_values":{"x":{"sizes":[{"as_expr":{}},{"as_int":3},{"as_int":8},{"as_int":8}]}}}}})";
  return imported::ExportedProgram({io::JsonValue::parse(text, "the program is no JSON"), {}});
}

}  // namespace iba::test
