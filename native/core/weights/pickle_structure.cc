#include "weights/pickle_structure.h"

#include <algorithm>

#include "io/malformed.h"
#include "weights/pickle_module.h"

namespace iba::pickle {

using io::Malformed;

namespace {

constexpr int32_t kDeepestValue = 100;
constexpr int32_t kBeingLookedAt = -1;

struct Visit {
  Node* node;
  size_t next = 0;
  int32_t height_inside = 0;
};

/// The child at `index`: of a dict, its keys and values in turn. nullptr after the last. What is in the
/// objects of a weight file stays out of reach, so that it may be anything.
Node* child_of(const Node& node, size_t index, Vocabulary vocabulary) {
  if (const auto* items = items_of(node)) return index < items->size() ? items->at(index) : nullptr;
  const auto* object = vocabulary == Vocabulary::script ? node.as<Object>() : nullptr;
  if (object) return index == 0 ? object->state : nullptr;
  const auto* dict = node.as<Dict>();
  if (!dict || index / 2 >= dict->entries.size()) return nullptr;
  const auto& [key, value] = dict->entries[index / 2];
  return index % 2 == 0 ? key : value;
}

bool is_value_of_dict(const Node& parent, size_t index) {
  return parent.as<Dict>() && index % 2 == 1;
}

void refuse_if_unknown(const Node& node) {
  const auto* global = node.as<Global>();
  if (global && !is_known(*global)) refuse(*global);
}

/// What a node must be before its children are looked at.
void prepare(Arena& arena, Node& node, bool is_value, Vocabulary vocabulary) {
  if (vocabulary == Vocabulary::script) {
    if (!is_value) refuse_if_unknown(node);
  } else if (node.height == 0) {
    unfold_module(arena, node);
  }
}

void make_contiguous(Arena& arena, Node& node) {
  auto* tensor = node.as<at::Tensor>();
  if (!tensor || tensor->is_contiguous()) return;
  arena.charge(tensor->nbytes());
  *tensor = tensor->contiguous();
}

void check_depth(size_t depth) {
  if (depth > kDeepestValue) throw Malformed("its values are nested more than 100 deep");
}

/// Enters the next child of the last visit. False if there is none.
bool enter_child(Arena& arena, std::vector<Visit>& path, Vocabulary vocabulary) {
  Visit& visit = path.back();
  Node* child = child_of(*visit.node, visit.next, vocabulary);
  if (!child) return false;
  prepare(arena, *child, is_value_of_dict(*visit.node, visit.next), vocabulary);
  ++visit.next;
  if (child->height == kBeingLookedAt) throw Malformed("a value in the pickle contains itself");
  check_depth(path.size() + static_cast<size_t>(std::max(child->height, 1)));
  if (child->height > 0) {
    visit.height_inside = std::max(visit.height_inside, child->height);
  } else {
    child->height = kBeingLookedAt;
    path.push_back({child});
  }
  return true;
}

void leave(Arena& arena, std::vector<Visit>& path) {
  const Visit visit = path.back();
  path.pop_back();
  make_contiguous(arena, *visit.node);
  visit.node->height = visit.height_inside + 1;
  if (!path.empty()) path.back().height_inside = std::max(path.back().height_inside, visit.node->height);
}

}  // namespace

void finish_structure(Arena& arena, Node& root, Vocabulary vocabulary) {
  prepare(arena, root, false, vocabulary);
  std::vector<Visit> path{{&root}};
  root.height = kBeingLookedAt;
  while (!path.empty()) {
    if (!enter_child(arena, path, vocabulary)) leave(arena, path);
  }
}

}  // namespace iba::pickle
