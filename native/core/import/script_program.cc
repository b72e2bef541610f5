#include "import/script_program.h"

#include <algorithm>
#include <set>

#include "error.h"
#include "import/script_lexer.h"
#include "io/malformed.h"

namespace iba::imported {

using io::Malformed;

namespace {

constexpr size_t kDeepestReferences = 100;
constexpr size_t kLargestTuple = 256;
constexpr size_t kLargestClass = 10'000;
constexpr std::string_view kCustomClasses = "__torch__.torch.classes.";

/// What is known of a definition once all that it refers to is.
struct Extent {
  bool is_done = false;
  /// The longest chain of references that begins here.
  size_t depth = 0;
  /// The attributes that are of types of the program, with those in them: LibTorch visits each of them anew.
  size_t parts = 1;
};

struct Visit {
  const std::string* name;
  const ScriptDefinition* definition;
  size_t next = 0;
};

}  // namespace

ScriptProgram::ScriptProgram(const std::map<std::string, std::string>& sources, const ScriptLimits& limits,
                             const std::function<bool(std::string_view)>& is_operator) {
  size_t tokens = 0;
  for (const auto& [module, source] : sources) {
    ScriptCode code = read_script_code(source, limits, "the code of " + module);
    tokens += code.tokens;
    if (tokens > kMostTokens) throw Malformed("its program is too long");
    const auto& read = modules_.emplace(module, std::move(code)).first->second;
    for (const auto& definition : read.definitions) {
      std::string name = module + "." + definition.name;
      if (!definitions_.emplace(name, &definition).second) throw Malformed("it defines '" + name + "' twice");
    }
  }
  check_methods(is_operator);
  check_mentions();
  check_depth();
}

const std::string* ScriptProgram::text(const std::string& module) const {
  auto found = modules_.find(module);
  return found == modules_.end() ? nullptr : &found->second.text;
}

const ScriptDefinition* ScriptProgram::find(const std::string& mention) const {
  auto found = definitions_.find(mention);
  if (found != definitions_.end()) return found->second;
  auto of_value = definitions_.find(mention.substr(0, mention.rfind('.')));
  bool is_enum =
      of_value != definitions_.end() && of_value->second->kind == ScriptDefinition::Kind::enum_type;
  return is_enum ? of_value->second : nullptr;
}

/// A method's name must not be that of an operator that may not be called: which of the two is meant, only
/// the compiler finds out.
void ScriptProgram::check_methods(const std::function<bool(std::string_view)>& is_operator) const {
  std::set<std::string> methods;
  for (const auto& [_, code] : modules_) methods.insert(code.methods.begin(), code.methods.end());
  for (const auto& [module, code] : modules_) {
    for (const auto& called : code.called_methods) {
      bool is_method = methods.contains(called) && !is_operator("aten::" + called);
      if (is_method) continue;
      throw Error(ErrorCode::model,
                  "the code of " + module + " calls '" + called +
                      "' on a value, which is neither a method of the program nor an "
                      "operator that a model may call. Use another one, and don't trust this "
                      "file unless you know why it does.");
    }
  }
}

void ScriptProgram::check_mentions() const {
  for (const auto& [name, definition] : definitions_) {
    for (const auto& mention : definition->mentions) {
      bool is_custom = mention.name.starts_with(kCustomClasses);
      if (!is_custom && find(mention.name)) continue;
      throw Error(ErrorCode::model,
                  "'" + name + "' refers to '" + mention.name +
                      (is_custom ? "', a class in C++, which can't be explained. Save the "
                                   "model in float32, without quantization."
                                 : "', which the file doesn't define. Save the model again."));
    }
  }
}

/// Goes through all definitions depth first, without recursion.
void ScriptProgram::check_depth() const {
  std::map<const ScriptDefinition*, Extent> extents;
  for (const auto& [root, root_definition] : definitions_) {
    std::vector<Visit> path;
    auto enter = [&](const std::string& name, const ScriptDefinition* definition) {
      if (!extents.emplace(definition, Extent{}).second) return;
      path.push_back({&name, definition});
    };
    enter(root, root_definition);
    while (!path.empty()) {
      auto& [name, definition, next] = path.back();
      Extent& extent = extents.at(definition);
      if (next == definition->mentions.size()) {
        extent.is_done = true;
        path.pop_back();
        continue;
      }
      const auto& [mention, is_in_attribute] = definition->mentions[next];
      const auto* other = find(mention);
      auto known = extents.find(other);
      if (other != definition && known == extents.end()) {
        enter(mention, other);
        continue;
      }
      ++next;
      if (other == definition) continue;  // a method's `self`
      if (!known->second.is_done) {
        throw Malformed("the definitions of '" + *name + "' and '" + mention + "' refer to each other");
      }
      extent.depth = std::max(extent.depth, known->second.depth + 1);
      if (is_in_attribute) extent.parts += known->second.parts;
      bool is_tuple = definition->kind == ScriptDefinition::Kind::tuple_type;
      if (extent.depth > kDeepestReferences || extent.parts > (is_tuple ? kLargestTuple : kLargestClass)) {
        throw Malformed("the definition of '" + *name + "' refers to too many others, one through the other");
      }
    }
  }
}

}  // namespace iba::imported
