#include "import/onnx/model_reader.h"

#include <algorithm>
#include <iterator>

#include "error.h"
#include "import/onnx/python_list.h"
#include "io/malformed.h"

namespace iba::imported::onnx {

using io::Malformed;

namespace {

/// Nodes, their inputs, outputs and settings, tensors and the like, of all graphs together.
constexpr int64_t kMostParts = 500'000;
constexpr size_t kMostDimensions = 64;
constexpr int64_t kOldestVersion = 3;

/// ONNX's own domain has two names.
std::string domain(std::string name) {
  return name == "ai.onnx" ? "" : name;
}

/// What the format calls one function among those of a name.
std::string overloaded(const std::string& name, const std::string& overload) {
  return overload.empty() ? name : name + ":" + overload;
}

struct Pair {
  std::string key;
  std::optional<Field> value;

  explicit Pair(Message message) {
    while (auto field = message.next()) {
      if (field->number() == 1) key = field->text();
      if (field->number() == 2) value = field;
    }
  }

  std::string text() const { return value ? value->text() : ""; }
};

/// Protobuf would merge the two messages, which no exporter means.
void set_once(std::optional<Message>& message, const Field& field, const char* what) {
  if (message) throw Malformed(std::string(what) + " is there twice");
  message = field.message();
}

template <typename Visit>
void each(Message message, uint32_t number, const Visit& visit) {
  while (auto field = message.next()) {
    if (field->number() == number) visit(*field);
  }
}

/// The kinds of a node's settings, by the format's numbers.
enum AttributeType : int64_t {
  kUnstated = 0,
  kFloat = 1,
  kInteger = 2,
  kText = 3,
  kTensor = 4,
  kGraph = 5,
  kFloats = 6,
  kIntegers = 7,
  kTexts = 8,
  kTensors = 9
};

/// The kind that a field of values stands for; files of the first versions say nothing else.
int64_t type_of_field(uint32_t number) {
  if (number >= 2 && number <= 10) return static_cast<int64_t>(number) - 1;
  const bool is_value = number == 11 || number == 14 || number == 15 || number == 22 || number == 23;
  return is_value ? kGraph : kUnstated;
}

/// What PyTorch's exporter says of the module that a node comes from: paths and classes from the outermost,
/// and last the node itself.
std::vector<std::string> module_list(const std::string& text) {
  auto texts = python_texts(text);
  if (!texts.empty()) texts.pop_back();
  return texts;
}

void read_scopes(const Pair& pair, Node& node) {
  if (pair.key == "pkg.torch.onnx.name_scopes") node.scopes = module_list(pair.text());
  if (pair.key == "pkg.torch.onnx.class_hierarchy") node.classes = module_list(pair.text());
}

void add_side(Message message, std::vector<std::variant<int64_t, std::string>>& shape) {
  std::variant<int64_t, std::string> side;
  side = std::string();
  while (auto field = message.next()) {
    // Some exporters write -1 for any number.
    if (field->number() == 1 && field->integer() >= 0) side = field->integer();
    if (field->number() == 2) side = field->text();
  }
  if (shape.size() == kMostDimensions) throw Malformed("an input or output has more than 64 dimensions");
  shape.push_back(std::move(side));
}

void read_type(const Message& type, Value& value) {
  constexpr uint32_t kTensorType = 1, kElementType = 1, kShape = 2, kDimension = 1;
  each(type, kTensorType, [&](const Field& tensor) {
    each(tensor.message(), kElementType,
         [&](const Field& field) { value.type = scalar_type(field.integer()); });
    each(tensor.message(), kShape, [&](const Field& field) {
      value.shape.emplace();
      each(field.message(), kDimension,
           [&](const Field& dimension) { add_side(dimension.message(), *value.shape); });
    });
  });
}

}  // namespace

void ModelReader::count_part() {
  if (++parts_ > kMostParts) {
    throw Malformed("it has more than " + std::to_string(kMostParts) + " nodes, settings and tensors");
  }
}

std::string ModelReader::name_of(const Field& field) {
  count_part();
  return field.text();
}

Model ModelReader::model(Message message) {
  Model model;
  std::string name, version;
  int64_t format = 0;
  std::optional<Message> graph_message;
  while (auto field = message.next()) {
    switch (field->number()) {
      case 1:
        format = field->integer();
        break;
      case 2:
        name = field->text();
        break;
      case 3:
        version = field->text();
        break;
      case 7:
        set_once(graph_message, *field, "the graph");
        break;
      case 8:
        opset(field->message(), model.opsets);
        break;
      case 14: {
        const Pair pair(field->message());
        count_part();
        model.metadata[pair.key] = pair.text();
        break;
      }
      case 25: {
        std::pair<std::string, std::string> key;
        Function read = function(field->message(), key);
        if (!model.functions.try_emplace(key, std::move(read)).second) {
          throw Malformed("the function '" + key.second + "' is there twice");
        }
        break;
      }
      default:
        break;
    }
  }
  if (format < kOldestVersion) {
    throw Error(ErrorCode::model, "The ONNX model has the format's version " + std::to_string(format) +
                                      ", expected 3 or newer. Export it again, or convert it with Python's "
                                      "onnx.version_converter.");
  }
  if (!graph_message) throw Malformed("the ONNX model has no graph");
  model.producer = version.empty() ? name : name + " " + version;
  model.graph = graph(*graph_message);
  return model;
}

void ModelReader::opset(Message message, std::map<std::string, int64_t>& opsets) {
  std::string name;
  int64_t version = 0;
  while (auto field = message.next()) {
    if (field->number() == 1) name = domain(field->text());
    if (field->number() == 2) version = field->integer();
  }
  count_part();
  auto& highest = opsets[name];
  highest = std::max(highest, version);
}

Graph ModelReader::graph(Message message) {
  Graph graph;
  std::vector<Value> inputs;
  while (auto field = message.next()) {
    switch (field->number()) {
      case 1:
        graph.nodes.push_back(node(field->message()));
        break;
      case 5:
        initializer(*field, graph.tensors);
        break;
      case 11:
        inputs.push_back(value(field->message()));
        break;
      case 12:
        graph.outputs.push_back(value(field->message()));
        break;
      case 15:
        throw Error(ErrorCode::model,
                    "The ONNX model has sparse tensors, which can't be read. Export it with dense ones.");
      default:
        break;
    }
  }
  std::copy_if(std::make_move_iterator(inputs.begin()), std::make_move_iterator(inputs.end()),
               std::back_inserter(graph.inputs),
               [&](const Value& input) { return !graph.tensors.contains(input.name); });
  return graph;
}

void ModelReader::initializer(const Field& field, std::map<std::string, Tensor>& tensors) {
  count_part();
  const TensorEntry entry(field.message());
  if (entry.name.empty()) throw Malformed("a tensor of the graph has no name");
  if (!tensors.try_emplace(entry.name, read_tensor_(entry)).second) {
    throw Malformed("the tensor '" + entry.name + "' is there twice");
  }
}

Value ModelReader::value(Message message) {
  count_part();
  Value value;
  std::optional<Message> type;
  while (auto field = message.next()) {
    if (field->number() == 1) value.name = field->text();
    if (field->number() == 2) set_once(type, *field, "the type of an input or output");
  }
  if (type) read_type(*type, value);
  return value;
}

Node ModelReader::node(Message message) {
  count_part();
  Node node;
  std::string overload;
  while (auto field = message.next()) {
    switch (field->number()) {
      case 1:
        node.inputs.push_back(name_of(*field));
        break;
      case 2:
        node.outputs.push_back(name_of(*field));
        break;
      case 3:
        node.name = field->text();
        break;
      case 4:
        node.operation = field->text();
        break;
      case 5:
        attribute(field->message(), node);
        break;
      case 7:
        node.domain = domain(field->text());
        break;
      case 8:
        overload = field->text();
        break;
      case 9:
        read_scopes(Pair(field->message()), node);
        break;
      default:
        break;
    }
  }
  node.operation = overloaded(node.operation, overload);
  if (node.classes.size() != node.scopes.size()) node.classes.clear();
  return node;
}

void ModelReader::attribute(Message message, Node& node) {
  count_part();
  std::string name, reference;
  int64_t type = kUnstated, found = kUnstated;
  Message fields = message;
  while (auto field = fields.next()) {
    switch (field->number()) {
      case 1:
        name = field->text();
        break;
      case 20:
        type = field->integer();
        break;
      case 21:
        reference = field->text();
        break;
      default:
        if (int64_t its = type_of_field(field->number()); its != kUnstated) found = its;
    }
  }
  if (name.empty()) throw Malformed("a setting of the node '" + node.name + "' has no name");
  const bool is_new =
      !reference.empty()
          ? node.references.try_emplace(name, reference).second
          : node.attributes.try_emplace(name, attribute_value(message, type ? type : found, name)).second;
  if (!is_new) throw Malformed("the node '" + node.name + "' has the setting '" + name + "' twice");
}

Attribute ModelReader::attribute_value(const Message& message, int64_t type, const std::string& name) {
  switch (type) {
    case kFloat: {
      double number = 0;
      each(message, 2, [&](const Field& field) { number = field.single(); });
      return number;
    }
    case kInteger: {
      int64_t number = 0;
      each(message, 3, [&](const Field& field) { number = field.integer(); });
      return number;
    }
    case kText: {
      std::string text;
      each(message, 4, [&](const Field& field) { text = field.bytes(); });
      return text;
    }
    case kTensor: {
      std::optional<Field> tensor;
      each(message, 5, [&](const Field& field) {
        if (tensor) throw Malformed("the tensor of the setting '" + name + "' is there twice");
        tensor = field;
      });
      if (!tensor) throw Malformed("the setting '" + name + "' lacks its tensor");
      return attribute_tensor(*tensor, name);
    }
    case kFloats: {
      std::vector<double> numbers;
      each(message, 7, [&](const Field& field) { field.singles(numbers); });
      return numbers;
    }
    case kIntegers: {
      std::vector<int64_t> numbers;
      each(message, 8,
           [&](const Field& field) { field.integers([&](int64_t number) { numbers.push_back(number); }); });
      return numbers;
    }
    case kTexts: {
      std::vector<std::string> texts;
      each(message, 9, [&](const Field& field) {
        count_part();
        texts.push_back(field.bytes());
      });
      return texts;
    }
    case kTensors: {
      std::vector<Tensor> tensors;
      each(message, 10, [&](const Field& field) { tensors.push_back(attribute_tensor(field, name)); });
      return tensors;
    }
    default:
      return Unread{};
  }
}

Tensor ModelReader::attribute_tensor(const Field& field, const std::string& name) {
  count_part();
  TensorEntry entry(field.message());
  if (entry.name.empty()) entry.name = name;
  return read_tensor_(entry);
}

Function ModelReader::function(Message message, std::pair<std::string, std::string>& name) {
  count_part();
  Function function;
  std::string overload;
  // Attributes with their defaults are written as a node's are.
  Node defaults;
  while (auto field = message.next()) {
    switch (field->number()) {
      case 1:
        name.second = field->text();
        break;
      case 4:
        function.inputs.push_back(name_of(*field));
        break;
      case 5:
        function.outputs.push_back(name_of(*field));
        break;
      case 6:
        function.attributes.push_back(name_of(*field));
        break;
      case 7:
        function.nodes.push_back(node(field->message()));
        break;
      case 9:
        opset(field->message(), function.opsets);
        break;
      case 10:
        name.first = domain(field->text());
        break;
      case 11:
        attribute(field->message(), defaults);
        break;
      case 13:
        overload = field->text();
        break;
      default:
        break;
    }
  }
  name.second = overloaded(name.second, overload);
  function.defaults = std::move(defaults.attributes);
  return function;
}

}  // namespace iba::imported::onnx
