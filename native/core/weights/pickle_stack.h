#pragma once

#include <cstddef>
#include <vector>

#include "weights/pickle_node.h"

namespace iba::pickle {

/// The stack of a pickle machine. What lies below the last mark is out of reach until that mark is gone.
/// Taking what isn't there throws Malformed.
class Stack {
 public:
  void push(Node* node) { nodes_.push_back(node); }
  Node* pop();
  Node& top();

  void mark() { marks_.push_back(nodes_.size()); }
  /// Takes the mark if it lies on top, and otherwise a value.
  void pop_value_or_mark();
  std::vector<Node*> pop_to_mark();

 private:
  std::vector<Node*> nodes_;
  std::vector<size_t> marks_;
};

}  // namespace iba::pickle
