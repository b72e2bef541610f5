#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "import/onnx/graph.h"
#include "import/recorder.h"

namespace iba::imported::onnx {

/// The sizes of a node's first input and first output.
struct NodeSizes {
  std::vector<int64_t> input, output;
};

/// One call of an ONNX operator: the node, what is known of its inputs, and the way to LibTorch's operators,
/// through which it computes.
class Call {
 public:
  /// An input that is left out is null. `single` has the sizes that a single image gives at this node, where
  /// they are known.
  Call(Recorder& recorder, const Node& node, std::vector<Item> inputs, int64_t opset,
       const NodeSizes* single = nullptr);

  Recorder& recorder() const { return recorder_; }
  const std::string& operation() const { return node_.operation; }
  int64_t opset() const { return opset_; }
  const NodeSizes* single() const { return single_; }
  size_t output_count() const { return node_.outputs.size(); }
  bool has_output(size_t i) const { return i < node_.outputs.size() && !node_.outputs[i].empty(); }

  size_t input_count() const { return inputs_.size(); }
  bool has(size_t i) const { return i < inputs_.size() && inputs_[i]; }
  /// The input as it is: a tensor, a number, or a list of numbers. Throws MODEL where it is missing.
  const Item& input(size_t i) const;
  /// The input as a tensor.
  Item tensor(size_t i) const;
  /// The input as a tensor, or None where it is left out.
  Item optional_tensor(size_t i) const;
  int64_t rank(size_t i) const;
  /// The value of an input that is the same for all images. Absent for others.
  std::optional<Tensor> constant(size_t i) const;
  /// The input as a list of numbers.
  std::vector<Item> numbers(size_t i) const;
  /// The same as integers, which ties the network to the size of the images where they come from it.
  std::vector<int64_t> integers(size_t i) const;
  /// The input as a single real number, or `otherwise` where it is left out.
  double real(size_t i, double otherwise) const;

  bool has_attribute(const std::string& name) const { return node_.attributes.contains(name); }
  int64_t integer(const std::string& name, int64_t otherwise) const;
  double real(const std::string& name, double otherwise) const;
  std::string text(const std::string& name, const std::string& otherwise) const;
  std::optional<std::vector<int64_t>> integers(const std::string& name) const;
  std::optional<std::vector<double>> reals(const std::string& name) const;
  const Attribute* attribute(const std::string& name) const;

  /// A list that is an attribute in older opsets and the input `i` in newer ones. Absent where there is
  /// neither.
  std::optional<std::vector<int64_t>> integers(const std::string& name, size_t i) const;

  /// The axis as 0 to rank − 1. Throws MODEL where there is none such.
  int64_t axis(int64_t given, int64_t rank) const;
  std::vector<int64_t> axes(const std::vector<int64_t>& given, int64_t rank) const;

  /// What LibTorch's operator of this name, without "aten::", gives.
  Item aten(const std::string& name, std::vector<Item> arguments, const std::string& overload = "") const;

  /// The size of a tensor along an axis, as a number that knows what it depends on.
  Item size(const Item& tensor, int64_t axis) const;

  /// Throws MODEL: "The node 'conv1' is 'Conv', which " and what is wrong and what to do.
  [[noreturn]] void refuse(const std::string& what) const;

 private:
  Recorder& recorder_;
  const Node& node_;
  std::vector<Item> inputs_;
  int64_t opset_;
  const NodeSizes* single_;
};

/// "'conv1' is 'Conv'", or for an operator of others "'bias' is 'com.microsoft.BiasGelu'".
std::string node_text(const Node& node);

Item number(int64_t value);
Item number(double value);
/// As an integer, a real number or a truth, whichever it is.
Item scalar_item(const at::Scalar& value);
Item integers_item(const std::vector<int64_t>& values);
Item none();

/// Whether it is the same for all images of all sizes.
bool is_constant(const Item& item);

const Tensor& tensor_in(const Item& item);

/// Whether the numbers are 0 to their count − 1 in some order.
bool is_order(std::vector<int64_t> dimensions);

}  // namespace iba::imported::onnx
