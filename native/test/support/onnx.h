#pragma once

#include <string>
#include <vector>

#include "support/protobuf.h"

/// Parts of ONNX files, each the fields of a message.
namespace iba::test::onnx {

// The format's numbers of the types of tensors.
constexpr int64_t kFloat = 1, kUint8 = 2, kInt8 = 3, kUint16 = 4, kInt16 = 5, kInt32 = 6, kInt64 = 7,
                  kString = 8, kBool = 9, kFloat16 = 10, kDouble = 11, kUint32 = 12, kUint64 = 13,
                  kBfloat16 = 16, kFloat8 = 17, kInt4 = 22;

/// A model of a graph, with the operators of version 17.
std::string model(const std::string& graph);

/// A graph's tensor; `values` are the fields that hold its values.
std::string tensor(const std::string& name, const std::vector<int64_t>& shape, int64_t type,
                   const std::string& values);
std::string initializer(const std::string& tensor);

/// The field of values that are written as they lie in memory.
std::string raw(const std::string& bytes);

/// The fields that say that a tensor's values lie in another file.
std::string external(const std::string& location, const std::string& offset = "",
                     const std::string& length = "");

std::string pair(const std::string& key, const std::string& value);

/// A node of a graph, with the given further fields.
std::string node(const std::string& operation, const std::vector<std::string>& inputs,
                 const std::vector<std::string>& outputs, const std::string& more = "");

/// A node's setting; `value` is the field of its value.
std::string attribute(const std::string& name, int64_t type, const std::string& value);

}  // namespace iba::test::onnx
