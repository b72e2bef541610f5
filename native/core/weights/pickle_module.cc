#include "weights/pickle_module.h"

#include "io/malformed.h"

namespace iba::pickle {

namespace {

constexpr int kDeepestModule = 100;
/// Looking through a dict is charged, since many objects of a small file can share it.
constexpr uint64_t kLookBytes = 8;

/// The value of a dict under a text key; null where there is none.
const Node* find(const Dict& dict, std::string_view key) {
  for (auto entry = dict.entries.rbegin(); entry != dict.entries.rend(); ++entry) {
    const auto* name = entry->first->as<std::string>();
    if (name && *name == key) return entry->second;
  }
  return nullptr;
}

const Dict* find_dict(const Dict& dict, std::string_view key) {
  const Node* found = find(dict, key);
  return found ? found->as<Dict>() : nullptr;
}

/// The attributes of a torch.nn.Module; null for other objects.
const Dict* attributes_of_module(Arena& arena, const Node& node) {
  const auto* object = node.as<Object>();
  const auto* attributes = object && object->state ? object->state->as<Dict>() : nullptr;
  if (!attributes) return nullptr;
  arena.charge(attributes->entries.size() * kLookBytes);
  const bool is_module = find_dict(*attributes, "_parameters") && find_dict(*attributes, "_modules");
  return is_module ? attributes : nullptr;
}

void add_tensors(Arena& arena, const Dict& attributes, const std::string& prefix, Dict& into) {
  for (const std::string_view kind : {"_parameters", "_buffers"}) {
    const Dict* tensors = find_dict(attributes, kind);
    if (tensors) arena.charge(tensors->entries.size() * kLookBytes);
    for (size_t i = 0; tensors && i < tensors->entries.size(); ++i) {
      const auto& [key, value] = tensors->entries[i];
      const auto* name = key->as<std::string>();
      // None stands for a bias that a layer was made without.
      if (!name || value->as<std::monostate>()) continue;
      arena.charge(prefix.size() + name->size());
      into.entries.emplace_back(arena.make(prefix + *name), value);
    }
  }
}

void add_module(Arena& arena, const Dict& attributes, const std::string& prefix, int depth, Dict& into) {
  if (depth > kDeepestModule) throw io::Malformed("its modules are nested more than 100 deep");
  add_tensors(arena, attributes, prefix, into);
  const Dict& modules = *find_dict(attributes, "_modules");
  arena.charge(modules.entries.size() * kLookBytes);
  for (const auto& [key, value] : modules.entries) {
    const auto* name = key->as<std::string>();
    const Dict* inside = name ? attributes_of_module(arena, *value) : nullptr;
    if (!inside) continue;
    arena.charge(sizeof(Node) + prefix.size() + name->size());
    add_module(arena, *inside, prefix + *name + ".", depth + 1, into);
  }
}

}  // namespace

void unfold_module(Arena& arena, Node& node) {
  const Dict* attributes = attributes_of_module(arena, node);
  if (!attributes) return;
  Dict state;
  add_module(arena, *attributes, "", 1, state);
  node.payload = std::move(state);
}

}  // namespace iba::pickle
