#include "weights/pickle_globals.h"

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
  if (!arguments.empty()) throw Malformed("bytes are made of something, expected bytes() without arguments");
  return arena.make(Bytes{});
}

const std::unordered_map<std::string_view, Function>& functions() {
  static const std::unordered_map<std::string_view, Function> kFunctions{
      {"collections.OrderedDict", make_ordered_dict},
      {"torch.Size", make_size},
      {"torch._utils._rebuild_tensor", rebuild_tensor},
      {"torch._utils._rebuild_tensor_v2", rebuild_tensor},
      {"torch._utils._rebuild_parameter", make_parameter},
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

Node* first_argument(Arena&, const Arguments& arguments) {
  if (arguments.empty()) throw Malformed("a function of TorchScript's is called without an argument");
  return arguments[0];
}

/// What else a TorchScript file uses. A module becomes an empty dict, which BUILD fills.
Function script_function(const std::string& name) {
  constexpr std::string_view kHelpers = "torch.jit._pickle.";
  if (name.starts_with("__torch__.")) {
    return [](Arena& arena, const Arguments&) { return arena.make(Dict{}); };
  }
  return name.starts_with(kHelpers) || name == "torch.device" ? first_argument : nullptr;
}

}  // namespace

bool is_allowed(const Global& global) {
  return global.name == kNumpyArrayName || functions().contains(global.name) || storage_type(global.name);
}

void refuse(const Global& global) {
  throw Malformed(
      "the pickle refers to " + global.name +
      ", which is not allowed in a weight file: expected tensors, as a module's state_dict() gives them");
}

Node* call(Arena& arena, const Node& callee, const Node& arguments, Vocabulary vocabulary) {
  const auto* global = callee.as<Global>();
  const auto* tuple = arguments.as<Tuple>();
  if (!global || !tuple) {
    throw Malformed("the pickle calls " + describe(callee) + " with " + describe(arguments) +
                    ", expected a function and a tuple");
  }
  const auto function = functions().find(global->name);
  if (function != functions().end()) return function->second(arena, tuple->items);
  const Function script = vocabulary == Vocabulary::script ? script_function(global->name) : nullptr;
  if (!script) refuse(*global);
  return script(arena, tuple->items);
}

void build(Arena& arena, Node& target, Node& state, Vocabulary vocabulary) {
  auto* module = vocabulary == Vocabulary::script ? target.as<Dict>() : nullptr;
  if (module) {
    module->entries.emplace_back(&state, &state);
  } else if (target.as<UnfilledArray>()) {
    fill_numpy_array(arena, target, state);
  } else if (target.as<NumpyType>()) {
    check_numpy_type_state(state);
  } else if (const auto* global = target.as<Global>()) {
    refuse(*global);
  } else if (!target.as<Dict>()) {
    throw Malformed("the pickle sets attributes of " + describe(target) + ", which has none");
  }
  // The attributes of a dict, such as the _metadata of a state dict, say nothing about its tensors.
}

}  // namespace iba::pickle
