#include "import/torchscript.h"

#include <torch/csrc/jit/api/compilation_unit.h>
#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/runtime/operator.h>
#include <torch/csrc/jit/serialization/import_source.h>

#include <unordered_map>

#include "error.h"
#include "import/allowed_operators.h"
#include "import/script_archive.h"
#include "import/script_lengths.h"
#include "import/script_lists.h"
#include "import/script_program.h"
#include "import/script_values.h"
#include "import/token_input.h"
#include "io/malformed.h"
#include "io/text.h"
#include "runtime/cancellation_scope.h"
#include "runtime/large_stack.h"

namespace iba::imported {

namespace jit = torch::jit;
namespace prim = c10::prim;
namespace aten = c10::aten;

namespace {

/// Of calls and of the blocks in them.
constexpr size_t kDeepest = 200;
constexpr size_t kMostNodes = 2'000'000;
constexpr size_t kLongestResult = 1 << 20;
constexpr size_t kCharactersPerWork = 16;

/// The class's own name: "ResNet" for "__torch__.torchvision.models.resnet.___torch_mangle_7.ResNet".
std::string class_name(const c10::ClassTypePtr& type) {
  return type->name() ? type->name()->name() : "Module";
}

bool always_raises(const jit::Block* block) {
  for (const jit::Node* node : block->nodes()) {
    if (node->kind() == prim::RaiseException) return true;
  }
  return false;
}

/// One run of a model.
class ScriptRun {
 public:
  explicit ScriptRun(Recorder& recorder) : recorder_(recorder) {}

  Item method(const Item& self, const std::string& name, std::vector<Item> arguments) {
    auto object = self->value.toObject();
    jit::Function* found = object->type()->findMethod(name);
    if (!found)
      throw Error(ErrorCode::model,
                  "The class " + class_name(object->type()) + " has no method " + name + ".");
    bool is_module_call = name.starts_with("forward");
    arguments.insert(arguments.begin(), self);
    if (is_module_call) recorder_.enter_module(self->path, class_name(object->type()));
    Item result = function(*found, std::move(arguments));
    if (is_module_call) recorder_.leave_module(result);
    return result;
  }

 private:
  using Values = std::unordered_map<const jit::Value*, Item>;

  Item function(jit::Function& called, std::vector<Item> arguments) {
    jit::GraphFunction* script = jit::tryToGraphFunction(called);
    if (!script) refuse("the function '" + called.name() + "', which is not TorchScript");
    script->ensure_defined();
    auto graph = script->graph();
    Values values;
    size_t given = std::min(arguments.size(), graph->inputs().size());
    for (size_t i = 0; i < given; ++i) values[graph->inputs()[i]] = arguments[i];
    for (size_t i = given; i < graph->inputs().size(); ++i) {
      const auto& argument = script->getSchema().arguments().at(i);
      if (!argument.default_value()) refuse_argument(called.name(), argument.name());
      values[graph->inputs()[i]] = make_item(*argument.default_value());
    }
    auto results = block(graph->block(), values);
    return results.size() == 1 ? results[0] : make_list(std::move(results));
  }

  std::vector<Item> block(const jit::Block* block, Values& values) {
    if (++depth_ > kDeepest) refuse("calls and blocks nested more than 200 deep");
    count();  // for empty blocks as well
    for (const jit::Node* node : block->nodes()) {
      count();
      execute(node, values);
    }
    --depth_;
    std::vector<Item> results;
    for (const jit::Value* output : block->outputs()) results.push_back(values.at(output));
    return results;
  }

  void count(size_t work = 1) {
    executed_ += work;
    if (executed_ > kMostNodes) refuse("a loop that doesn't end");
    check_cancelled();
  }

  /// What an item holds is work, too.
  void count_elements(const Item& item) {
    if (item->elements) return count(item->elements->size());
    if (item->value.isList()) return count(item->value.toListRef().size());
    if (item->value.isString()) return count(item->value.toStringRef().size() / kCharactersPerWork);
  }

  void require_short_texts(const std::vector<Item>& inputs) const {
    size_t length = 0;
    for (const auto& input : inputs) {
      if (input && input->value.isString()) length += input->value.toStringRef().size();
    }
    if (length > kLongestResult) refuse("a text of more than 2^20 characters");
  }

  void execute(const jit::Node* node, Values& values) {
    if (node->kind() == prim::If) return branch(node, values);
    if (node->kind() == prim::Loop) return loop(node, values);
    std::vector<Item> inputs;
    for (const jit::Value* input : node->inputs()) {
      auto found = values.find(input);
      inputs.push_back(found == values.end() ? nullptr : found->second);
    }
    if (node->outputs().size() <= 1) {
      Item made = single(node, std::move(inputs));
      if (made) count_elements(made);
      if (!node->outputs().empty()) values[node->output()] = std::move(made);
      return;
    }
    auto made = elements_of(unpacks(node) ? inputs.at(0) : single(node, std::move(inputs)));
    if (made.size() < node->outputs().size()) refuse("a list that is shorter than it should be");
    for (size_t i = 0; i < node->outputs().size(); ++i) values[node->outputs()[i]] = made[i];
  }

  static bool unpacks(const jit::Node* node) {
    return node->kind() == prim::TupleUnpack || node->kind() == prim::ListUnpack;
  }

  Item single(const jit::Node* node, std::vector<Item> inputs) {
    auto kind = node->kind();
    if (kind == prim::Constant) return make_item(jit::toIValue(node->output()).value_or(at::IValue()));
    if (kind == prim::GetAttr) return attribute(inputs.at(0), node->s(c10::attr::name));
    if (kind == prim::CallMethod) {
      Item self = inputs.at(0);
      require_module(self);
      return method(self, node->s(c10::attr::name), {inputs.begin() + 1, inputs.end()});
    }
    if (kind == prim::CallFunction) {
      auto type = node->inputs().at(0)->type()->expect<c10::FunctionType>();
      return function(*type->function(), {inputs.begin() + 1, inputs.end()});
    }
    if (unpacks(node)) return elements_of(inputs.at(0)).at(0);
    if (kind == prim::ListConstruct || kind == prim::TupleConstruct) return make_list(std::move(inputs));
    if (kind == prim::DictConstruct) return make_dictionary(inputs);
    if (kind == prim::TupleIndex) return element_at(inputs.at(0), inputs.at(1));
    if (kind == prim::Uninitialized || kind == aten::warn || kind == prim::Print) return make_item({});
    if (kind == aten::format) return make_item(std::string());
    if (kind == prim::unchecked_cast || kind == prim::unchecked_unwrap_optional) return inputs.at(0);
    if (kind == prim::RaiseException) raise(inputs.at(0));
    if (kind == prim::SetAttr) refuse("an assignment to its attribute '" + node->s(c10::attr::name) + "'");
    if (kind == prim::fork || kind == aten::wait) refuse("prim::fork");
    if (kind == prim::PythonOp) refuse("a Python function");
    // As in training, so that no form of an operator is taken that has no gradient.
    static const auto kIsGradEnabled = c10::Symbol::fromQualString("aten::is_grad_enabled");
    if (kind == prim::requires_grad || kind == kIsGradEnabled) return make_item(true);
    if (auto made = script_list_operation(node->kind().toQualString(), is_list(node), inputs)) return made;
    return native_operator(node, std::move(inputs));
  }

  static bool is_list(const jit::Node* node) {
    return !node->inputs().empty() && node->input(0)->type()->kind() == c10::TypeKind::ListType;
  }

  Item native_operator(const jit::Node* node, std::vector<Item> inputs) {
    const c10::FunctionSchema* schema = node->maybeSchema();
    auto op = schema ? find_operator(schema->name(), schema->overload_name()) : std::nullopt;
    if (!op || schema->is_vararg()) {
      refuse("the operator '" + std::string(node->kind().toQualString()) +
             "', which is no operator of LibTorch's own");
    }
    require_short_texts(inputs);
    return recorder_.call(*op, std::move(inputs));
  }

  void require_module(const Item& self) {
    if (!self || !self->value.isObject() || !self->value.toObject()->type()->is_module()) {
      refuse("an object of a class that is no module");
    }
  }

  Item attribute(const Item& self, const std::string& name) {
    require_module(self);
    at::IValue value = self->value.toObject()->getAttr(name);
    if (value.isTensor()) value = value.toTensor().detach();
    Item item = make_item(std::move(value));
    if (item->value.isObject()) item->path = self->path.empty() ? name : self->path + "." + name;
    return item;
  }

  void branch(const jit::Node* node, Values& values) {
    const Item& condition = values.at(node->input());
    const jit::Block* otherwise = node->blocks()[1];
    bool first_raises = always_raises(node->blocks()[0]), second_raises = always_raises(otherwise);
    bool chosen;
    if (first_raises != second_raises && (condition->from_pixels || condition->id)) {
      chosen = second_raises;
    } else if (first_raises != second_raises) {
      chosen = condition->value.toBool();
    } else {
      chosen = recorder_.decide(condition, "an 'if'").toBool();
    }
    auto results = block(chosen ? node->blocks()[0] : otherwise, values);
    for (size_t i = 0; i < results.size(); ++i) values[node->outputs()[i]] = results[i];
  }

  void loop(const jit::Node* node, Values& values) {
    int64_t turns = recorder_.decide(values.at(node->input(0)), "a loop").toInt();
    bool goes_on = recorder_.decide(values.at(node->input(1)), "a loop").toBool();
    std::vector<Item> carried;
    for (size_t i = 2; i < node->inputs().size(); ++i) carried.push_back(values.at(node->input(i)));
    const jit::Block* body = node->blocks()[0];
    for (int64_t turn = 0; turn < turns && goes_on; ++turn) {
      values[body->inputs()[0]] = make_item(turn);
      for (size_t i = 0; i < carried.size(); ++i) values[body->inputs()[i + 1]] = carried[i];
      auto results = block(body, values);
      goes_on = recorder_.decide(results.at(0), "a loop").toBool();
      carried.assign(results.begin() + 1, results.end());
    }
    for (size_t i = 0; i < carried.size(); ++i) values[node->outputs()[i]] = carried[i];
  }

  [[noreturn]] void raise(const Item& message) const {
    std::string said = message->value.isString() ? message->value.toStringRef() : "";
    said.resize(said.find_last_not_of(": ") + 1);  // an assertion without a text
    throw Error(ErrorCode::model, "In " + recorder_.place() +
                                      ", the model raises an exception for images of " +
                                      std::to_string(recorder_.images()->value.toTensor().size(3)) +
                                      " pixels a side" + (said.empty() ? "" : ", '" + said + "'") +
                                      ". If it was made for another size, give that as preprocessing.crop.");
  }

  [[noreturn]] void refuse_argument(const std::string& function, const std::string& argument) const {
    throw Error(ErrorCode::model,
                "In " + recorder_.place() + ", the function '" + function + "' takes '" + argument +
                    "' as well, and nothing says what that should be. Save a module whose forward "
                    "takes the images alone.");
  }

  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(ErrorCode::model,
                "In " + recorder_.place() + " there is " + what +
                    ", which a list of steps can't follow. Trace the model with torch.jit.trace in "
                    "evaluation mode, or remove it.");
  }

  Recorder& recorder_;
  size_t depth_ = 0;
  size_t executed_ = 0;
};

/// LibTorch's compiler recurses as deep as the program is nested, which is bounded.
constexpr size_t kStackOfCompiler = size_t{256} << 20;

bool has_operator(std::string_view name) {
  return !jit::getAllOperatorsFor(c10::Symbol::fromQualString(std::string(name))).empty();
}

/// Compiles the program of the file and makes its model, without running anything of it.
at::IValue make_model(const ScriptArchive& archive, const std::vector<at::IValue>& constants) {
  const ScriptProgram program(archive.sources, {is_allowed_operator, constants.size()}, has_operator);
  auto unit = std::make_shared<jit::CompilationUnit>();
  auto source = [&](const std::string& module) {
    const std::string* text = program.text(module);
    return text ? std::make_shared<jit::Source>(*text, module, 0) : nullptr;
  };
  jit::SourceImporter importer(unit, &constants, source, archive.version);
  ScriptValues values([&](const std::string& name) {
    if (!program.defines(name)) throw io::Malformed("its program doesn't define the class " + name);
    auto type = importer.loadType(name);
    if (!type->cast<c10::ClassType>()) throw io::Malformed("its program defines no class " + name);
    return c10::StrongTypePtr(unit, std::move(type));
  });
  return values.model(*archive.model);
}

}  // namespace

TorchScriptProgram::TorchScriptProgram(const std::filesystem::path& path) {
  const std::string file = path.string();
  io::naming_file(file, [&] {
    const ScriptArchive archive = read_script_archive(path);
    run_on_large_stack(kStackOfCompiler, [&] {
      try {
        constants_ = script_constants(*archive.constants);
        model_ = make_model(archive, constants_);
      } catch (const Error& error) {
        throw Error(error.code(), "'" + file + "': " + error.what());
      } catch (const io::Malformed&) {
        throw;
      } catch (const std::exception& error) {
        throw io::Malformed("LibTorch can't compile its program. It says: " + io::first_lines(error.what()));
      }
    });
  });
  if (!model_.toObjectRef().type()->findMethod("forward")) {
    throw Error(ErrorCode::model, "'" + file + "': the model has no method forward.");
  }
}

Item TorchScriptProgram::run(Recorder& recorder) const {
  return ScriptRun(recorder).method(make_item(model_), "forward", {program_input(recorder)});
}

std::vector<int64_t> TorchScriptProgram::possible_lengths() const {
  return imported::possible_lengths(model_, constants_);
}

}  // namespace iba::imported
