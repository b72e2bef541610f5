#include "weights/pickle_stack.h"

#include "io/malformed.h"

namespace iba::pickle {

using io::Malformed;

Node& Stack::top() {
  const size_t bottom = marks_.empty() ? 0 : marks_.back();
  if (nodes_.size() <= bottom) throw Malformed("the pickle is damaged: it takes a value that is not there");
  return *nodes_.back();
}

Node* Stack::pop() {
  Node* node = &top();
  nodes_.pop_back();
  return node;
}

void Stack::pop_value_or_mark() {
  if (!marks_.empty() && marks_.back() == nodes_.size()) {
    marks_.pop_back();
  } else {
    pop();
  }
}

std::vector<Node*> Stack::pop_to_mark() {
  if (marks_.empty()) throw Malformed("the pickle is damaged: it goes back to a mark that is not there");
  const auto begin = nodes_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<Node*> items(begin, nodes_.end());
  nodes_.erase(begin, nodes_.end());
  marks_.pop_back();
  return items;
}

}  // namespace iba::pickle
