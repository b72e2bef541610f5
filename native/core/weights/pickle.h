#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "torch.h"

namespace iba::pickle {

struct Node;
class Arena;

enum class Kind {
  kNone,
  kBool,
  kInt,
  /// A Python int of more than 64 bits.
  kBigInt,
  kDouble,
  kString,
  kBytes,
  kList,
  kTuple,
  kDict,
  kTensor,
  /// A class or function, or what one made, of which only the name is known. It can do nothing.
  kObject,
};

/// A value from a pickle: data only, with nothing behind it that could run. A value keeps the whole pickle
/// alive and is cheap to copy. Values contain no cycles and are nested at most 100 deep, so that code may
/// recurse through them. Asking for another kind than is there throws Error "WEIGHTS".
class Value {
 public:
  Value(std::shared_ptr<const Arena> arena, const Node* node) : arena_(std::move(arena)), node_(node) {}

  Kind kind() const;
  bool is(Kind kind) const { return this->kind() == kind; }

  bool boolean() const;
  int64_t integer() const;
  /// A double, or an int as a double.
  double number() const;
  /// UTF-8 as far as the writer of the file kept to it.
  const std::string& string() const;
  const std::string& bytes() const;
  /// A tensor or a numpy array, contiguous on the CPU. Tensors of a file may share memory.
  at::Tensor tensor() const;
  /// The dotted name of an object, such as "collections.OrderedDict", or of its class.
  std::string name() const;

  /// The same for values that are one object in the pickle.
  const void* identity() const { return node_; }

  /// The number of elements of a list, tuple or dict.
  size_t size() const;
  /// An element of a list or tuple; `index` must be below size().
  Value at(size_t index) const;
  /// The key and value of a dict at `index`, in the order of the file; `index` must be below size().
  std::pair<Value, Value> entry(size_t index) const;
  /// The value of a dict under a text key; the last one if the key comes twice, as in Python.
  std::optional<Value> find(std::string_view key) const;

 private:
  template <typename T>
  const T& get(const char* expected) const;

  std::shared_ptr<const Arena> arena_;
  const Node* node_;
};

}  // namespace iba::pickle

namespace iba {

/// The object that torch.save wrote into a file, of the zip format or of the stream before PyTorch 1.6. Plain
/// data, tensors and numpy arrays are read. Of whatever else the pickle wants to make or call nothing is made
/// and nothing called: an object that is only a name stands for it. A torch.nn.Module is read as its state
/// dict. Throws Error "WEIGHTS" for a broken file.
pickle::Value read_pytorch_file(const std::filesystem::path& path);

}  // namespace iba
