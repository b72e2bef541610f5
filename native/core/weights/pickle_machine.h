#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "io/input_file.h"
#include "weights/pickle_globals.h"
#include "weights/pickle_stack.h"
#include "weights/tensor_storage.h"

namespace iba::pickle {

/// Reads one pickle of protocol 0 to 5, as far as its instructions serve data. It never recurses.
class Machine {
 public:
  /// `storages` may be null where the pickle must not refer to tensors.
  Machine(io::ByteReader& in, Arena& arena, StorageSource* storages,
          Vocabulary vocabulary = Vocabulary::weights);

  /// Reads up to the end of the pickle, no byte further.
  Node* run();

 private:
  bool run_literal(uint8_t op);
  bool run_text(uint8_t op);
  bool run_container(uint8_t op);
  bool run_stack(uint8_t op);
  bool run_memo(uint8_t op);
  bool run_object(uint8_t op);
  bool run_python(uint8_t op);

  void push(Payload payload);
  void push_tuple(size_t count);
  std::string take(uint64_t bytes);
  void push_global();
  void push_stack_global();
  void push_made(const Node& callee, std::vector<Node*> arguments);
  bool is_container_of_unknown_class();
  void append(std::vector<Node*> items);
  void set_items(std::vector<Node*> keys_and_values);
  void push_dict(std::vector<Node*> keys_and_values);
  void remember(uint64_t index);
  void recall(uint64_t index);

  io::ByteReader& in_;
  Arena& arena_;
  StorageSource* storages_;
  Vocabulary vocabulary_;
  Stack stack_;
  std::unordered_map<uint64_t, Node*> memo_;
};

/// Reads a pickle and makes sure of what pickle::Value promises for it.
Node* read_pickle(io::ByteReader& in, Arena& arena, StorageSource* storages,
                  Vocabulary vocabulary = Vocabulary::weights);

}  // namespace iba::pickle
