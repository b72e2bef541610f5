#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "network/operation.h"

namespace iba::imported::onnx {

/// A node's setting. Graphs, types and sparse tensors are not kept: `Unread` says that there was one.
struct Unread {};
using Attribute = std::variant<Unread, double, int64_t, std::string, Tensor, std::vector<double>,
                               std::vector<int64_t>, std::vector<std::string>, std::vector<Tensor>>;

struct Node {
  std::string name;
  std::string domain;               // "" for ONNX's own
  std::string operation;            // such as "Conv"
  std::vector<std::string> inputs;  // "" for one that is left out
  std::vector<std::string> outputs;
  std::map<std::string, Attribute> attributes;
  /// Attributes of a function's node that take the value of the function's attribute of that name.
  std::map<std::string, std::string> references;
  /// The paths of the modules that it belongs to, from the outermost, where the exporter wrote them.
  std::vector<std::string> scopes;
  /// The classes of these modules, where the exporter wrote them.
  std::vector<std::string> classes;
};

/// An input or output of a graph: a side is a number, or a name for any number (which may be empty).
struct Value {
  std::string name;
  std::optional<at::ScalarType> type;  // none where the format has one that LibTorch hasn't
  std::optional<std::vector<std::variant<int64_t, std::string>>> shape;
};

struct Graph {
  std::vector<Node> nodes;
  std::map<std::string, Tensor> tensors;  // the initialisers, dense
  std::vector<Value> inputs;              // without those that have an initialiser
  std::vector<Value> outputs;
};

/// A node type that the file defines itself.
struct Function {
  std::vector<std::string> inputs, outputs;
  std::vector<std::string> attributes;  // without a default
  std::map<std::string, Attribute> defaults;
  std::vector<Node> nodes;
  std::map<std::string, int64_t> opsets;
};

/// What an ONNX file holds.
struct Model {
  std::string producer;
  std::map<std::string, int64_t> opsets;  // by domain
  std::map<std::string, std::string> metadata;
  Graph graph;
  std::map<std::pair<std::string, std::string>, Function> functions;  // by domain and name
};

}  // namespace iba::imported::onnx
