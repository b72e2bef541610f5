#pragma once

#include <functional>

#include "import/onnx/graph.h"
#include "import/onnx/tensors.h"

namespace iba::imported::onnx {

/// Makes a model of the messages of a file. Graphs inside of nodes are passed over.
class ModelReader {
 public:
  /// `read_tensor` gives a tensor's values.
  explicit ModelReader(std::function<Tensor(const TensorEntry&)> read_tensor)
      : read_tensor_(std::move(read_tensor)) {}

  Model model(Message message);

 private:
  Graph graph(Message message);
  Function function(Message message, std::pair<std::string, std::string>& name);
  Node node(Message message);
  void attribute(Message message, Node& node);
  Attribute attribute_value(const Message& message, int64_t type, const std::string& name);
  Tensor attribute_tensor(const Field& field, const std::string& name);
  Value value(Message message);
  void opset(Message message, std::map<std::string, int64_t>& opsets);
  void initializer(const Field& field, std::map<std::string, Tensor>& tensors);

  /// Counts what takes memory of its own, however few bytes of the file it takes.
  void count_part();
  std::string name_of(const Field& field);

  std::function<Tensor(const TensorEntry&)> read_tensor_;
  int64_t parts_ = 0;
};

}  // namespace iba::imported::onnx
