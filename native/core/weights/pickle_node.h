#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "torch.h"
#include "weights/pickle.h"

namespace iba::pickle {

struct BigInt {
  std::string little_endian;
};
struct Bytes {
  std::string data;
};
struct List {
  std::vector<Node*> items;
};
struct Tuple {
  std::vector<Node*> items;
};
struct Dict {
  std::vector<std::pair<Node*, Node*>> entries;
};

/// A class or function by its dotted name.
struct Global {
  std::string name;
};

/// The memory that tensors look into, or a part of it, counted in elements.
struct TensorStorage {
  at::ScalarType type;
  c10::Storage memory;
  int64_t first;
  int64_t count;

  uint64_t bytes() const { return static_cast<uint64_t>(count) * c10::elementSize(type); }
};

struct NumpyType {
  at::ScalarType type;
};

/// A numpy array between its making and the BUILD that fills it.
struct UnfilledArray {};

struct Node;

/// What stands for an object of a class or function that is only known by its name, as those of a TorchScript
/// program; `state` is what BUILD gives, or the value of an enum.
struct Object {
  std::string class_name;
  Node* state = nullptr;
};

using Payload =
    std::variant<std::monostate, bool, int64_t, BigInt, double, std::string, Bytes, List, Tuple, Dict,
                 at::Tensor, Global, std::shared_ptr<const TensorStorage>, NumpyType, UnfilledArray, Object>;

/// Nodes refer to each other by plain pointers: the arena owns them all, so that neither loops nor depth
/// matter when they are destroyed.
struct Node {
  Payload payload;
  /// For the check at the end: 0 not seen, -1 being looked at, otherwise the nesting of what is inside.
  int32_t height = 0;

  template <typename T>
  T* as() {
    return std::get_if<T>(&payload);
  }
  template <typename T>
  const T* as() const {
    return std::get_if<T>(&payload);
  }
};

/// Owns the nodes of a file and counts what is allocated for them.
class Arena {
 public:
  /// `file_bytes` sets how much may be allocated: a small file must not ask for much memory.
  Arena(std::string file_name, uint64_t file_bytes);

  Node* make(Payload payload);

  /// An Object, whose name is charged as well: a small file can ask for many.
  Node* make_object(std::string_view class_name, Node* state = nullptr);

  /// Throws Malformed when the file would take more memory than its size allows.
  void charge(uint64_t bytes);

  const std::string& file_name() const { return file_name_; }
  uint64_t file_bytes() const { return file_bytes_; }

 private:
  std::string file_name_;
  uint64_t file_bytes_;
  uint64_t budget_;
  std::deque<Node> nodes_;
};

/// The items of a list or tuple; nullptr for other kinds.
const std::vector<Node*>* items_of(const Node& node);

/// What a node is, for messages: "a list", "the object torch.Size".
std::string describe(const Node& node);

}  // namespace iba::pickle
