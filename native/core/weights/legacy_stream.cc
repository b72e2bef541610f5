#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "io/shape.h"
#include "weights/pickle_machine.h"
#include "weights/pickle_structure.h"
#include "weights/pytorch_file.h"

namespace iba::weights {

using io::ByteReader;
using io::InputFile;
using io::Malformed;
using io::normalise_booleans;

namespace {

/// 0x1950a86a20f9469cfc6c, behind the instruction for an int of ten bytes.
constexpr std::string_view kMagic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
constexpr size_t kMagicWithin = 32;
constexpr int64_t kStreamVersion = 1001;

/// The bytes of the storages come after the pickle that refers to them.
class StreamStorages : public pickle::StorageSource {
 public:
  using StorageSource::StorageSource;

  /// Reads the storages in the order of `keys`, which must be those that the pickle has named.
  void read_all(const pickle::Node& keys, ByteReader& in) {
    const auto* items = pickle::items_of(keys);
    if (!items) throw Malformed("the list of tensor storages is " + describe(keys));
    std::unordered_set<std::string_view> done;
    for (const pickle::Node* item : *items) {
      const auto* key = item->as<std::string>();
      const auto found = key ? storages().find(*key) : storages().end();
      if (found == storages().end() || !done.insert(*key).second) {
        throw Malformed("the list of tensor storages names one that is not in the pickle, or one twice");
      }
      read(*key, *found->second, in);
    }
    if (done.size() != storages().size()) {
      throw Malformed("the list of tensor storages has " + std::to_string(done.size()) +
                      " of them, expected " + std::to_string(storages().size()));
    }
  }

 protected:
  void load(const std::string&, const pickle::TensorStorage&) override {}

  /// Where the next storage begins would be unknown.
  bool can_pass_over() const override { return false; }

 private:
  static void read(const std::string& key, const pickle::TensorStorage& storage, ByteReader& in) {
    const auto count = in.number<int64_t>();
    if (count != storage.count) {
      throw Malformed("the tensor storage '" + key + "' has " + std::to_string(count) +
                      " elements, expected " + std::to_string(storage.count));
    }
    in.read(storage.memory.mutable_data(), storage.bytes());
    if (storage.type == at::kBool) normalise_booleans(storage.memory.mutable_data(), storage.bytes());
  }
};

/// The second and third pickle: a version and a dict about the machine that wrote the file.
void check_system(ByteReader& in, pickle::Arena& arena) {
  const auto* version = pickle::Machine(in, arena, nullptr).run()->as<int64_t>();
  if (!version || *version != kStreamVersion) throw Malformed("the version of its format is not 1001");
  const auto* system = pickle::Machine(in, arena, nullptr).run()->as<pickle::Dict>();
  if (!system) throw Malformed("the description of the system that wrote it is not a dict");
  for (const auto& [key, value] : system->entries) {
    const auto* name = key->as<std::string>();
    const auto* is_little = value->as<bool>();
    if (name && *name == "little_endian" && !(is_little && *is_little)) {
      throw Malformed("its tensors are big-endian, expected little-endian ones");
    }
  }
}

}  // namespace

bool looks_like_legacy_stream(const InputFile& file) {
  std::string begin(std::min<uint64_t>(file.size(), kMagicWithin), '\0');
  file.read(0, begin.data(), begin.size());
  return begin.find(kMagic) != std::string::npos;
}

pickle::Value read_legacy_stream(const InputFile& file, const std::string& file_name) {
  const auto arena = std::make_shared<pickle::Arena>(file_name, file.size());
  ByteReader in(file, 0, file.size(), "the file");
  pickle::Machine(in, *arena, nullptr).run();
  check_system(in, *arena);
  StreamStorages storages(*arena);
  pickle::Node* root = pickle::Machine(in, *arena, &storages).run();
  storages.read_all(*pickle::Machine(in, *arena, nullptr).run(), in);
  pickle::finish_structure(*arena, *root, pickle::Vocabulary::weights);
  return {arena, root};
}

}  // namespace iba::weights
