#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "weights/pickle_node.h"

namespace iba::pickle {

/// About what an at::Tensor takes besides its elements. It counts, as a pickle can ask for one in a few
/// bytes.
inline constexpr uint64_t kTensorBytes = 512;

/// The element type of a storage class such as "torch.FloatStorage".
std::optional<at::ScalarType> storage_type(const std::string& name);

/// The ints of a tuple or list of at most 64.
std::vector<int64_t> integers(const Node& node);

/// _rebuild_tensor_v2(storage, offset, size, stride, ...): a tensor that looks into a storage and only there.
Node* rebuild_tensor(Arena& arena, const std::vector<Node*>& arguments);

/// Where the storages of a file come from.
class StorageSource {
 public:
  explicit StorageSource(Arena& arena) : arena_(arena) {}
  virtual ~StorageSource() = default;

  /// What a persistent id stands for: ("storage", class, key, device, number of elements[, view]) for a
  /// storage and, in old files, ("module", class, file, source) for the class of a module.
  Node* resolve(const Node& id);

 protected:
  using Storage = std::shared_ptr<const TensorStorage>;

  /// Whether the others can be read where one has elements of a type that is not known here.
  virtual bool can_pass_over() const { return true; }

  /// Called once for each storage, whose memory is not yet initialised.
  virtual void load(const std::string& key, const TensorStorage& storage) = 0;

  /// The storages that the pickle has named so far.
  const std::unordered_map<std::string, Storage>& storages() const { return storages_; }

 private:
  const Storage& find_or_load(const std::string& key, at::ScalarType type, int64_t count);

  Arena& arena_;
  std::unordered_map<std::string, Storage> storages_;
};

}  // namespace iba::pickle
