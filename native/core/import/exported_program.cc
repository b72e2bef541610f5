#include "import/exported_program.h"

#include <algorithm>
#include <map>

#include "error.h"
#include "import/token_input.h"
#include "io/malformed.h"

namespace iba::imported {

using io::JsonValue;

namespace {

at::IValue memory_format(int64_t number) {
  static const std::map<int64_t, at::MemoryFormat> kFormats = {{1, at::MemoryFormat::Contiguous},
                                                               {2, at::MemoryFormat::ChannelsLast},
                                                               {4, at::MemoryFormat::Preserve}};
  auto found = kFormats.find(number);
  return found == kFormats.end() ? at::IValue() : at::IValue(found->second);
}

/// One run of a program.
class GraphRun {
 public:
  GraphRun(Recorder& recorder, const ExportedArchive& archive) : recorder_(recorder), archive_(archive) {}

  void take_inputs(const std::string& images_name) {
    for (const auto& spec : archive_.program["graph_module"]["signature"]["input_specs"].array()) {
      const auto& [kind, input] = only_member(spec);
      if (kind == "user_input") continue;
      static const std::map<std::string, std::string> kNames = {{"parameter", "parameter_name"},
                                                                {"buffer", "buffer_name"},
                                                                {"tensor_constant", "tensor_constant_name"}};
      auto name = kNames.find(kind);
      if (name == kNames.end()) refuse("an input of the kind '" + kind + "'");
      auto tensor = archive_.tensors.find(input[name->second].string());
      if (tensor == archive_.tensors.end()) {
        throw io::Malformed("it lacks the tensor '" + input[name->second].string() + "'");
      }
      values_[input["arg"]["name"].string()] = make_item(tensor->second);
    }
    values_[images_name] = program_input(recorder_);
  }

  void execute(const JsonValue& graph) {
    auto readers = last_readers(graph);
    const auto& nodes = graph["nodes"].array();
    for (size_t i = 0; i < nodes.size(); ++i) {
      execute_node(nodes[i]);
      // Activations that nobody reads any more need not stay in memory.
      for_each_name(nodes[i]["inputs"], [&](const std::string& name) {
        if (readers.at(name) == i) values_.erase(name);
      });
    }
  }

  Item finish(const OutputTree& outputs, const std::vector<std::string>& names) {
    modules_.leave_all();
    auto name = names.begin();
    return gathered(outputs, name, names.end());
  }

 private:
  void execute_node(const JsonValue& node) {
    const std::string& target = node["target"].string();
    if (only_checks(target)) return;
    // Nodes that belong to no module lie where those before them do.
    if (auto stack = module_stack(node); !stack.empty()) modules_.enter(stack);
    const auto& outputs = node["outputs"].array();
    if (runs_inner_graph(target)) return bind_all(outputs, run_inner_graph(node));
    auto name = operator_name(target);
    auto op = name ? find_operator(name->name, name->overload) : std::nullopt;
    if (!op) refuse("'" + target + "'");
    auto given = arguments(node, op->schema);
    Item made = recorder_.call(for_numbers(*op, given), given);
    if (outputs.size() == 1) return bind(outputs[0], made);
    bind_all(outputs, made);
  }

  using Names = std::vector<std::string>::const_iterator;

  Item gathered(const OutputTree& outputs, Names& name, Names end) const {
    if (outputs.is_leaf) {
      if (name == end) throw io::Malformed("its program returns less than it says");
      const std::string& own = *name++;
      return own.empty() ? make_item({}) : value(own);
    }
    std::vector<Item> elements;
    for (const auto& inner : outputs.elements) elements.push_back(gathered(inner, name, end));
    Item item = make_list(std::move(elements));
    item->keys = outputs.keys;
    return item;
  }

  /// Names inside of an inner graph are its own.
  Item run_inner_graph(const JsonValue& node) {
    auto [graph, position] = inner_graph(node);
    const auto& inputs = node["inputs"].array();
    const auto& names = (*graph)["inputs"].array();
    if (inputs.size() != position + names.size()) throw io::Malformed("an inner graph lacks inputs");
    std::map<std::string, Item> values;
    for (size_t i = 0; i < names.size(); ++i) {
      values[value_name(names[i])] = argument(inputs[position + i]["arg"]);
    }
    std::swap(values, values_);
    execute(*graph);
    std::vector<Item> results;
    for (const auto& result : (*graph)["outputs"].array()) results.push_back(argument(result));
    std::swap(values, values_);
    return make_list(std::move(results));
  }

  std::vector<Item> arguments(const JsonValue& node, const c10::FunctionSchema& schema) {
    std::vector<Item> items(schema.arguments().size());
    size_t position = 0;
    for (const auto& input : node["inputs"].array()) {
      auto index = schema.argumentIndexWithName(input["name"].string());
      size_t at = index ? static_cast<size_t>(*index) : position;
      if (at >= items.size()) refuse("an argument too many for '" + schema.name() + "'");
      items[at] = argument(input["arg"]);
      ++position;
    }
    for (size_t i = 0; i < items.size(); ++i) {
      if (!items[i]) items[i] = make_item(schema.arguments()[i].default_value().value_or(at::IValue()));
    }
    return items;
  }

  /// Exported programs hand numbers to operators on tensors, as Python does: those have a form for numbers.
  static NativeOperator for_numbers(const NativeOperator& op, const std::vector<Item>& given) {
    std::vector<bool> is_number(given.size());
    for (size_t i = 0; i < given.size(); ++i) {
      bool wants_tensor = op.schema.arguments()[i].type()->kind() == c10::TypeKind::TensorType;
      is_number[i] = wants_tensor && !given[i]->elements && given[i]->value.isScalar();
    }
    bool has_number = std::find(is_number.begin(), is_number.end(), true) != is_number.end();
    auto scalar = has_number ? find_for_numbers(op.schema, is_number) : std::nullopt;
    return scalar.value_or(op);
  }

  Item argument(const JsonValue& given) {
    const auto& [kind, content] = only_member(given);
    if (kind == "as_none") return make_item({});
    if (kind == "as_tensor") return value(content["name"].string());
    if (kind == "as_name") return value(content.string());
    if (kind == "as_int") return make_item(content.integer());
    if (kind == "as_float") return make_item(content.real());
    if (kind == "as_bool") return make_item(content.boolean());
    if (kind == "as_string") return make_item(content.string());
    if (kind == "as_scalar_type") {
      return make_item(static_cast<int64_t>(exported_scalar_type(content.integer())));
    }
    if (kind == "as_memory_format") return make_item(memory_format(content.integer()));
    if (kind == "as_layout") return make_item({});
    if (kind == "as_device") return make_item(at::IValue(at::Device(at::kCPU)));
    if (kind == "as_sym_int" || kind == "as_sym_float" || kind == "as_sym_bool" ||
        kind == "as_optional_tensor") {
      return argument(content);
    }
    if (kind == "as_ints") return list(content, [](const auto& e) { return make_item(e.integer()); });
    if (kind == "as_floats") return list(content, [](const auto& e) { return make_item(e.real()); });
    if (kind == "as_bools") return list(content, [](const auto& e) { return make_item(e.boolean()); });
    if (kind == "as_tensors") return list(content, [&](const auto& e) { return value(e["name"].string()); });
    if (kind == "as_sym_ints" || kind == "as_sym_floats" || kind == "as_optional_tensors") {
      return list(content, [&](const auto& e) { return argument(e); });
    }
    refuse("an argument of the kind '" + kind + "'");
  }

  template <typename Make>
  Item list(const JsonValue& content, const Make& make) {
    std::vector<Item> items;
    for (const auto& element : content.array()) items.push_back(make(element));
    return make_list(std::move(items));
  }

  Item value(const std::string& name) const {
    auto found = values_.find(name);
    if (found == values_.end()) throw io::Malformed("its program reads '" + name + "' before it is made");
    return found->second;
  }

  void bind_all(const std::vector<JsonValue>& outputs, const Item& made) {
    const auto& elements = elements_of(made);
    if (outputs.size() > elements.size()) throw io::Malformed("its program expects more than a node makes");
    for (size_t i = 0; i < outputs.size(); ++i) bind(outputs[i], elements[i]);
  }

  void bind(const JsonValue& output, const Item& made) {
    const auto& [kind, content] = only_member(output);
    if (kind == "as_none") return;
    if (kind == "as_tensors") {
      const auto& names = content.array();
      const auto& elements = elements_of(made);
      if (names.size() > elements.size()) throw io::Malformed("its program expects more than a node makes");
      for (size_t i = 0; i < names.size(); ++i) values_[names[i]["name"].string()] = elements[i];
    } else if (kind == "as_tensor" || kind == "as_sym_int" || kind == "as_sym_float" ||
               kind == "as_sym_bool") {
      values_[value_name(output)] = made;
    } else {
      refuse("a result of the kind '" + kind + "'");
    }
    if (first_tensor(made)) modules_.make(made);
  }

  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(ErrorCode::model,
                "In " + recorder_.place() + " of the exported program there is " + what +
                    ", which a list of steps can't follow. Export the model without it, or save it "
                    "with torch.jit.trace.");
  }

  Recorder& recorder_;
  const ExportedArchive& archive_;
  std::map<std::string, Item> values_;
  ModuleStack modules_{recorder_};
};

}  // namespace

ExportedProgram::ExportedProgram(const std::filesystem::path& path)
    : ExportedProgram(
          io::naming_file(path.string(), [&] { return ExportedProgram(read_exported_archive(path)); })) {}

ExportedProgram::ExportedProgram(ExportedArchive archive) : archive_(std::move(archive)) {
  check_operators(archive_.program["graph_module"]["graph"]);
  read_input();
  read_outputs();
}

void ExportedProgram::read_input() {
  const JsonValue& module = archive_.program["graph_module"];
  const JsonValue* images = nullptr;
  for (const auto& spec : module["signature"]["input_specs"].array()) {
    const auto& [kind, input] = only_member(spec);
    if (kind != "user_input") continue;
    if (images)
      throw Error(ErrorCode::model,
                  "The exported program takes more than one input, expected images or token ids alone.");
    images = input["arg"].find("as_tensor");
  }
  if (!images) throw Error(ErrorCode::model, "The exported program takes no tensor of images.");
  images_name_ = (*images)["name"].string();
  const JsonValue& meta = module["graph"]["tensor_values"][images_name_];
  const JsonValue* type = meta.find("dtype");
  takes_tokens_ = type && at::isIntegralType(exported_scalar_type(type->integer()), false);
  const auto& sizes = meta["sizes"].array();
  has_any_batch_ = !sizes.empty() && sizes[0].find("as_expr") != nullptr;
  if (takes_tokens_) return read_length(sizes);
  read_image_shape(sizes);
}

namespace {

int64_t extent_of(const JsonValue& extent) {
  const auto& [kind, size] = only_member(extent);
  return kind == "as_int" ? size.integer() : size["hint"]["as_int"].integer();
}

}  // namespace

void ExportedProgram::read_length(const std::vector<JsonValue>& sizes) {
  if (sizes.size() != 2) {
    throw Error(ErrorCode::model, "The exported program takes whole numbers in " +
                                      std::to_string(sizes.size()) +
                                      " dimensions, expected token ids (N, tokens), or images (N, channels, "
                                      "height, width) of real numbers.");
  }
  has_any_size_ = sizes[1].find("as_expr") != nullptr;
  image_shape_ = {1, 1, extent_of(sizes[1])};
  if (image_shape_[2] < 1 || image_shape_[2] > 65536) {
    throw Error(ErrorCode::model,
                "The exported program takes " + std::to_string(image_shape_[2]) + " token ids.");
  }
}

void ExportedProgram::read_image_shape(const std::vector<JsonValue>& sizes) {
  if (sizes.size() != 4) {
    throw Error(ErrorCode::model, "The exported program takes a tensor of " + std::to_string(sizes.size()) +
                                      " dimensions, expected images (N, channels, height, width).");
  }
  has_any_size_ = sizes[2].find("as_expr") && sizes[3].find("as_expr");
  for (size_t i = 0; i < 3; ++i) {
    image_shape_[i] = extent_of(sizes[i + 1]);
    if (image_shape_[i] < 1 || image_shape_[i] > 65536) {
      throw Error(ErrorCode::model, "The exported program takes images of an extent of " +
                                        std::to_string(image_shape_[i]) + ".");
    }
  }
}

void ExportedProgram::read_outputs() {
  const JsonValue& module = archive_.program["graph_module"];
  for (const auto& spec : module["signature"]["output_specs"].array()) {
    const auto& [kind, output] = only_member(spec);
    if (kind != "user_output") continue;
    const JsonValue* tensor = output["arg"].find("as_tensor");
    output_names_.push_back(tensor ? (*tensor)["name"].string() : "");
  }
  outputs_ = output_tree(module);
}

Item ExportedProgram::run(Recorder& recorder) const {
  GraphRun run(recorder, archive_);
  run.take_inputs(images_name_);
  run.execute(archive_.program["graph_module"]["graph"]);
  return run.finish(outputs_, output_names_);
}

}  // namespace iba::imported
