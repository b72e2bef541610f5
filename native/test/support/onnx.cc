#include "support/onnx.h"

namespace iba::test::onnx {

std::string model(const std::string& graph) {
  return integer_field(1, 8) + bytes_field(2, "test") + bytes_field(7, graph) +
         bytes_field(8, integer_field(2, 17));
}

std::string tensor(const std::string& name, const std::vector<int64_t>& shape, int64_t type,
                   const std::string& values) {
  return bytes_field(1, varints(shape)) + integer_field(2, type) + bytes_field(8, name) + values;
}

std::string initializer(const std::string& tensor) {
  return bytes_field(5, tensor);
}

std::string raw(const std::string& bytes) {
  return bytes_field(9, bytes);
}

std::string pair(const std::string& key, const std::string& value) {
  return bytes_field(1, key) + bytes_field(2, value);
}

std::string external(const std::string& location, const std::string& offset, const std::string& length) {
  std::string fields = bytes_field(13, pair("location", location)) + integer_field(14, 1);
  if (!offset.empty()) fields += bytes_field(13, pair("offset", offset));
  if (!length.empty()) fields += bytes_field(13, pair("length", length));
  return fields;
}

std::string node(const std::string& operation, const std::vector<std::string>& inputs,
                 const std::vector<std::string>& outputs, const std::string& more) {
  std::string fields;
  for (const auto& input : inputs) fields += bytes_field(1, input);
  for (const auto& output : outputs) fields += bytes_field(2, output);
  return bytes_field(1, fields + bytes_field(4, operation) + more);
}

std::string attribute(const std::string& name, int64_t type, const std::string& value) {
  return bytes_field(5, bytes_field(1, name) + value + integer_field(20, type));
}

}  // namespace iba::test::onnx
