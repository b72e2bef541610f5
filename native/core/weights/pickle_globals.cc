#include "weights/pickle_globals.h"

#include <optional>
#include <string_view>
#include <unordered_map>

#include "io/malformed.h"
#include "io/utf8.h"
#include "weights/numpy_values.h"
#include "weights/tensor_storage.h"

namespace iba::pickle {

using io::Malformed;

namespace {

using Arguments = std::vector<Node*>;
/// Gives null for arguments that make something that is not known here.
using Function = Node* (*)(Arena&, const Arguments&);

Node* make_ordered_dict(Arena& arena, const Arguments& arguments) {
  Dict dict;
  const auto* pairs = arguments.empty() ? nullptr : items_of(*arguments[0]);
  if (arguments.size() > 1 || (!arguments.empty() && !pairs)) {
    throw Malformed("an OrderedDict is made of something else than a list of pairs");
  }
  if (pairs) arena.charge(pairs->size() * sizeof(dict.entries[0]));
  for (size_t i = 0; pairs && i < pairs->size(); ++i) {
    const auto* pair = items_of(*pairs->at(i));
    if (!pair || pair->size() != 2) throw Malformed("an OrderedDict is made of something else than pairs");
    dict.entries.emplace_back(pair->at(0), pair->at(1));
  }
  return arena.make(std::move(dict));
}

Node* make_size(Arena&, const Arguments& arguments) {
  if (arguments.size() != 1 || !arguments[0]->as<Tuple>()) {
    throw Malformed("a torch.Size is made of something else than a tuple");
  }
  return arguments[0];
}

Node* make_parameter(Arena&, const Arguments& arguments) {
  if (arguments.empty() || !arguments[0]->as<at::Tensor>()) {
    throw Malformed("a parameter is made of something else than a tensor");
  }
  return arguments[0];
}

/// _rebuild_from_type_v2(function, class, arguments, attributes): a tensor of a subclass, or with attributes.
Node* rebuild_from_type(Arena& arena, const Arguments& arguments) {
  const auto* function = arguments.size() == 4 ? arguments[0]->as<Global>() : nullptr;
  const auto* tensor = function ? arguments[2]->as<Tuple>() : nullptr;
  if (!tensor || function->name != "torch._utils._rebuild_tensor_v2") return nullptr;
  return rebuild_tensor(arena, tensor->items);
}

/// Pickles of protocol 2 hold bytes as a text with an encoding.
Node* encode(Arena& arena, const Arguments& arguments) {
  const auto* text = arguments.size() == 2 ? arguments[0]->as<std::string>() : nullptr;
  const auto* encoding = text ? arguments[1]->as<std::string>() : nullptr;
  if (!encoding || (*encoding != "latin1" && *encoding != "latin-1")) {
    throw Malformed("bytes are encoded in an unknown way, expected _codecs.encode(text, 'latin1')");
  }
  arena.charge(text->size());
  return arena.make(Bytes{io::utf8_to_latin1(*text)});
}

/// Pickles of protocol 2 write empty bytes as bytes().
Node* make_empty_bytes(Arena& arena, const Arguments& arguments) {
  return arguments.empty() ? arena.make(Bytes{}) : nullptr;
}

const std::unordered_map<std::string_view, Function>& functions() {
  static const std::unordered_map<std::string_view, Function> kFunctions{
      {"collections.OrderedDict", make_ordered_dict},
      {"torch.Size", make_size},
      {"torch._utils._rebuild_tensor", rebuild_tensor},
      {"torch._utils._rebuild_tensor_v2", rebuild_tensor},
      {"torch._utils._rebuild_parameter", make_parameter},
      {"torch._utils._rebuild_parameter_with_state", make_parameter},
      {"torch._tensor._rebuild_from_type_v2", rebuild_from_type},
      {"_codecs.encode", encode},
      {"__builtin__.bytes", make_empty_bytes},
      {"builtins.bytes", make_empty_bytes},
      {"numpy.dtype", make_numpy_type},
      {"numpy.core.multiarray._reconstruct", make_numpy_array},
      {"numpy._core.multiarray._reconstruct", make_numpy_array},
      {"numpy.core.multiarray.scalar", make_numpy_scalar},
      {"numpy._core.multiarray.scalar", make_numpy_scalar},
      {"numpy.core.numeric._frombuffer", make_numpy_array_from_buffer},
      {"numpy._core.numeric._frombuffer", make_numpy_array_from_buffer},
  };
  return kFunctions;
}

/// What else a TorchScript file uses. What a list or dict is said to hold isn't needed: the program says so,
/// too.
Node* call_script(Arena& arena, const std::string& name, const Arguments& arguments) {
  if (name.starts_with("__torch__."))
    return arena.make_object(name, arguments.empty() ? nullptr : arguments[0]);
  const bool is_wrapper = name.starts_with("torch.jit._pickle.") || name == "torch.device";
  if (!is_wrapper) return nullptr;
  if (arguments.empty()) throw Malformed("a function of TorchScript's is called without an argument");
  return arguments[0];
}

/// What a name of a TorchScript file makes.
Node* make_for_script(Arena& arena, const Node& callee, const Arguments& arguments) {
  const auto* global = callee.as<Global>();
  if (!global) throw Malformed("the pickle calls " + describe(callee) + ", expected a function");
  const auto known = functions().find(global->name);
  Node* made = known != functions().end() ? known->second(arena, arguments)
                                          : call_script(arena, global->name, arguments);
  if (!made) refuse(*global);
  return made;
}

/// The name of what makes an object: of a class or function, or of what one has made.
std::optional<std::string_view> name_of(const Node& callee) {
  if (const auto* global = callee.as<Global>()) return global->name;
  if (const auto* object = callee.as<Object>()) return object->class_name;
  return std::nullopt;
}

/// Pickles of protocol 1 make an object of any class by this function, whose first argument is the class.
bool is_reconstructor(std::string_view name) {
  return name == "copy_reg._reconstructor" || name == "copyreg._reconstructor";
}

/// What a name of a weight file makes. What is made of something unknown is unknown as well.
Node* make(Arena& arena, std::string_view name, const Arguments& arguments) {
  const auto* of_unknown = arguments.empty() ? nullptr : arguments[0]->as<Object>();
  if (of_unknown) return arena.make_object(of_unknown->class_name);
  if (is_reconstructor(name) && !arguments.empty()) name = name_of(*arguments[0]).value_or(name);
  const auto function = functions().find(name);
  Node* made = function == functions().end() ? nullptr : function->second(arena, arguments);
  return made ? made : arena.make_object(name);
}

}  // namespace

bool is_known(const Global& global) {
  return global.name == kNumpyArrayName || functions().contains(global.name) || storage_type(global.name);
}

void refuse(const Global& global) {
  throw Malformed("the pickle refers to " + global.name +
                  ", which is not allowed in it: expected tensors, as a module's state_dict() gives them");
}

Node* call(Arena& arena, const Node& callee, Node& arguments, Vocabulary vocabulary) {
  const auto name = name_of(callee);
  const auto* tuple = arguments.as<Tuple>();
  // TorchScript's way to write the value of an enum.
  bool is_enum = vocabulary == Vocabulary::script && name && !tuple && name->starts_with("__torch__.");
  if (is_enum) return arena.make_object(*name, &arguments);
  if (!name || !tuple) {
    throw Malformed("the pickle calls " + describe(callee) + " with " + describe(arguments) +
                    ", expected a function and a tuple");
  }
  if (vocabulary == Vocabulary::weights) return make(arena, *name, tuple->items);
  return make_for_script(arena, callee, tuple->items);
}

void build(Arena& arena, Node& target, Node& state, Vocabulary vocabulary) {
  const bool is_script = vocabulary == Vocabulary::script;
  if (auto* object = target.as<Object>()) {
    if (is_script && object->state) throw Malformed("the pickle gives an object its state twice");
    object->state = &state;
  } else if (target.as<UnfilledArray>()) {
    fill_numpy_array(arena, target, state);
  } else if (target.as<NumpyType>()) {
    set_numpy_type_state(target, state);
  } else if (is_script && !target.as<Dict>()) {
    throw Malformed("the pickle sets attributes of " + describe(target) + ", which has none");
  }
  // The attributes of others, such as the _metadata of a state dict, say nothing about its tensors.
}

}  // namespace iba::pickle
