#include "import/onnx/program.h"

#include <algorithm>

#include "error.h"
#include "import/onnx/fusions.h"
#include "import/onnx/operators.h"
#include "import/onnx/run.h"
#include "import/onnx/unread.h"
#include "import/token_input.h"
#include "io/malformed.h"
#include "io/text.h"

namespace iba::imported::onnx {

namespace {

constexpr int64_t kOldestOpset = 7;
constexpr int64_t kLargestSide = 65536;

using Sides = std::vector<std::variant<int64_t, std::string>>;

const int64_t* number_in(const std::variant<int64_t, std::string>& side) {
  return std::get_if<int64_t>(&side);
}

std::string shape_in_words(const Sides& sides) {
  std::vector<std::string> parts;
  for (const auto& side : sides) {
    const int64_t* fixed = number_in(side);
    const std::string* name = std::get_if<std::string>(&side);
    parts.push_back(fixed ? std::to_string(*fixed) : name->empty() ? "?" : *name);
  }
  return "(" + io::joined(parts) + ")";
}

std::string input_in_words(const Value& value) {
  return "'" + value.name + "'" + (value.shape ? " of the shape " + shape_in_words(*value.shape) : "");
}

bool is_colours(const std::variant<int64_t, std::string>& side) {
  const int64_t* number = number_in(side);
  return number && (*number == 1 || *number == 3);
}

/// What to do about an operator that isn't read.
std::string remedy(const Node& node, const std::string& producer) {
  if (node.operation == "If" || node.operation == "Loop" || node.operation == "Scan") {
    return "chooses or repeats steps as it runs, so that there is no one list of steps. Export the model so "
           "that it doesn't: with a fixed size of image, or simplified by onnxsim.";
  }
  if (node.operation == "DynamicQuantizeLinear" || node.operation.starts_with("QLinear") ||
      node.operation.ends_with("Integer") || node.operation.starts_with("DynamicQuantize")) {
    return "computes with integers, which has no gradient. Use the model before its quantisation, or one "
           "quantised in the format QDQ.";
  }
  if (node.domain == "com.microsoft.nchwc" || node.domain == "com.ms.internal.nhwc") {
    return "onnxruntime wrote for the processor that it ran on. Save the model without its layout "
           "optimisations, or use the file that it was made from.";
  }
  if (node.operation == "NonMaxSuppression" || node.operation == "RoiAlign") {
    return "chooses among boxes, as detectors do. Only classifiers can be explained: export the network that "
           "classifies, such as the detector's backbone with a classifier.";
  }
  if (node.operation == "LSTM" || node.operation == "GRU" || node.operation == "RNN") {
    return "reads a sequence, as recognisers of text and speech do. Only classifiers of images can be "
           "explained.";
  }
  if (node.domain == "ai.onnx.ml") {
    return "belongs to classical machine learning rather than to a network over images, which has no "
           "gradient. Export the network alone.";
  }
  if (node.domain.empty() && producer.starts_with("tf2onnx")) {
    return "tf2onnx left as TensorFlow's, so that no reader of ONNX knows it. With KERAS_BACKEND=torch a "
           "model of "
           "Keras is a torch.nn.Module, which torch.export.save saves.";
  }
  return "isn't among the operators that are read. Export the model without it, or from PyTorch with "
         "torch.export.save, which knows more of them.";
}

}  // namespace

Program::Program(Model model, std::array<int64_t, 2> image_size) : model_(std::move(model)) {
  auto opset = model_.opsets.find("");
  if (opset == model_.opsets.end()) throw io::Malformed("it says no version of ONNX's operators");
  if (opset->second < kOldestOpset) {
    throw Error(ErrorCode::model, "The model is of opset " + std::to_string(opset->second) +
                                      ", expected 7 or later. Convert it with onnx.version_converter.");
  }
  check_operators();
  leave_out_unread(model_);
  read_images(image_size);
  model_.graph.nodes = fused_nodes(model_.graph);
}

void Program::note(const std::string& sentence) {
  if (std::find(notes_.begin(), notes_.end(), sentence) == notes_.end()) notes_.push_back(sentence);
}

/// All of them before any runs, so that what isn't read is said at once.
void Program::check_operators() {
  check_operators(model_.graph.nodes);
  for (const auto& [name, function] : model_.functions) check_operators(function.nodes);
}

void Program::check_operators(const std::vector<Node>& nodes) {
  for (const auto& node : nodes) {
    if (function_of(model_, node)) continue;
    if (!operator_table().contains(qualified_name(node))) {
      throw Error(ErrorCode::model,
                  "The node " + node_text(node) + ", which " + remedy(node, model_.producer));
    }
    if (node.operation == "QuantizeLinear") {
      note(
          "The model is quantised. It is computed in float32 with its quantised weights; that activations "
          "are "
          "rounded as well is left out.");
    }
  }
}

void Program::read_images(std::array<int64_t, 2> image_size) {
  const auto& inputs = model_.graph.inputs;
  if (inputs.empty()) throw Error(ErrorCode::model, "The model takes no input, expected images.");
  if (inputs.size() > 1) {
    std::vector<std::string> named;
    for (const auto& input : inputs) named.push_back(input_in_words(input));
    throw Error(ErrorCode::model, "The model takes " + std::to_string(inputs.size()) + " inputs, " +
                                      io::joined(named) +
                                      ", expected images alone. Export the part that takes images, with the "
                                      "other inputs as constants.");
  }
  const Value& input = inputs[0];
  images_name_ = input.name;
  takes_tokens_ = input.type && (*input.type == at::kLong || *input.type == at::kInt);
  if (takes_tokens_) return read_length(input);
  bool is_real = input.type && at::isFloatingType(*input.type);
  if (!is_real) {
    throw Error(ErrorCode::model,
                "The model's input " + input_in_words(input) + " isn't of real numbers" +
                    (input.type ? std::string(" but ") + at::toString(*input.type) : "") +
                    ", expected images (N, 3, height, width) in float32, or token ids (N, tokens) in int64. "
                    "Export the model without the conversion of its input.");
  }
  image_shape_ = {3, image_size[0], image_size[1]};
  has_any_size_ = true;
  if (input.shape) read_layout(*input.shape);
  if (!channels_last_) return;
  // In front of all, so that it meets the transposition with which such files begin.
  Node node;
  node.operation = "Transpose";
  node.attributes["perm"] = std::vector<int64_t>{0, 2, 3, 1};
  node.outputs = {images_name_};
  images_name_ += " with channels in front";
  node.inputs = {images_name_};
  model_.graph.nodes.insert(model_.graph.nodes.begin(), std::move(node));
}

void Program::read_length(const Value& input) {
  image_shape_ = {1, 1, kUsualTokens};
  has_any_size_ = true;
  if (!input.shape) return;
  const int64_t* length = input.shape->size() == 2 ? number_in((*input.shape)[1]) : nullptr;
  if (input.shape->size() != 2 || (length && (*length < 1 || *length > kLargestSide))) {
    throw Error(ErrorCode::model, "The model's input " + input_in_words(input) +
                                      " is of whole numbers, expected token ids of the shape (N, tokens), or "
                                      "images (N, 3, height, width) in float32.");
  }
  if (length) {
    image_shape_[2] = *length;
    has_any_size_ = false;
  }
  if (const int64_t* batch = number_in((*input.shape)[0])) batch_ = *batch;
}

void Program::read_layout(const Sides& sides) {
  auto refuse = [&] {
    throw Error(ErrorCode::model,
                "The model takes inputs of the shape " + shape_in_words(sides) +
                    ", expected images (N, 3, height, width) or (N, height, width, 3), or 1 in "
                    "place of 3 for grey ones. Only classifiers of images can be explained.");
  };
  if (sides.size() != 4) refuse();
  bool is_open = !number_in(sides[1]);
  channels_last_ = !is_colours(sides[1]) && is_colours(sides[3]);
  if (!channels_last_ && !is_colours(sides[1]) && !is_open) refuse();
  size_t channels = channels_last_ ? 3 : 1, first = channels_last_ ? 1 : 2;
  if (const int64_t* number = number_in(sides[channels])) image_shape_[0] = *number;
  for (size_t i : {size_t{0}, size_t{1}}) {
    const int64_t* side = number_in(sides[first + i]);
    if (!side) continue;
    has_any_size_ = false;
    image_shape_[i + 1] = *side;
    if (*side < 1 || *side > kLargestSide) refuse();
  }
  if (const int64_t* batch = number_in(sides[0])) batch_ = *batch;
}

const std::vector<NodeSizes>& Program::single_sizes(const Tensor& images) {
  std::array<int64_t, 2> size{images.size(2), images.size(3)};
  auto found = single_sizes_.find(size);
  if (found != single_sizes_.end()) return found->second;
  std::vector<NodeSizes> sizes;
  try {
    Recorder recorder(images.slice(0, 0, 1), {});
    Run run(recorder, model_, sizes);
    run.execute(images_name_, program_input(recorder));
    sizes = run.take_sizes();
  } catch (const c10::OutOfMemoryError&) {
    throw;
  } catch (const c10::Error&) {
    sizes.clear();  // it doesn't take a single image
  } catch (const Error& error) {
    if (error.code() != ErrorCode::model) throw;
    sizes.clear();
  }
  return single_sizes_[size] = std::move(sizes);
}

Item Program::run(Recorder& recorder) {
  const auto& single = single_sizes(tensor_in(recorder.images()));
  Run run(recorder, model_, single);
  Item outputs = make_list(run.execute(images_name_, program_input(recorder)));
  for (const auto& output : model_.graph.outputs) outputs->keys.push_back(output.name);
  return outputs;
}

}  // namespace iba::imported::onnx
