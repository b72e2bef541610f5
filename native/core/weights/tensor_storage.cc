#include "weights/tensor_storage.h"

#include <string_view>

#include "io/malformed.h"
#include "io/shape.h"
#include "weights/pickle_globals.h"

namespace iba::pickle {

using io::Malformed;

namespace {

constexpr size_t kMostDimensions = 64;

/// Whether offset + count elements lie in a storage of `size` elements.
bool fits(int64_t offset, int64_t count, int64_t size) {
  return offset >= 0 && count >= 0 && offset <= size && count <= size - offset;
}

/// How many elements a tensor spans from its first to its last one; throws Malformed for negative strides.
int64_t span_of(const std::vector<int64_t>& shape, const std::vector<int64_t>& strides) {
  if (shape.size() != strides.size()) throw Malformed("a tensor has not as many strides as dimensions");
  int64_t last = 0;
  for (size_t i = 0; i < shape.size(); ++i) {
    int64_t step;
    if (strides[i] < 0 || __builtin_mul_overflow(shape[i] - 1, strides[i], &step) ||
        __builtin_add_overflow(last, step, &last)) {
      throw Malformed("a tensor has the stride " + std::to_string(strides[i]) + ", which is out of range");
    }
  }
  if (__builtin_add_overflow(last, 1, &last)) throw Malformed("a tensor has strides that are out of range");
  return last;
}

[[noreturn]] void fail_outside(int64_t offset, int64_t span, int64_t count) {
  throw Malformed("a tensor takes " + std::to_string(span) + " elements from offset " +
                  std::to_string(offset) + " of a storage that has " + std::to_string(count));
}

at::Tensor view_storage(const TensorStorage& storage, int64_t offset, const std::vector<int64_t>& shape,
                        const std::vector<int64_t>& strides) {
  const int64_t count = io::checked_numel(shape);
  // Nothing is read of an empty tensor, so its strides don't matter and are not looked at.
  const int64_t span = count == 0 ? 0 : span_of(shape, strides);
  if (!fits(offset, span, storage.count)) fail_outside(offset, span, storage.count);
  if (count == 0) return io::empty_tensor(shape, storage.type);
  return io::empty_tensor({0}, storage.type).set_(storage.memory, storage.first + offset, shape, strides);
}

struct StorageId {
  std::string key;
  const Global* type;
  int64_t count;
  const Node* view;
};

/// The class in a persistent id of a module; null for other ids.
Node* module_class(const Node& id) {
  const auto* fields = items_of(id);
  const auto* tag = fields && fields->size() > 1 ? fields->at(0)->as<std::string>() : nullptr;
  return tag && *tag == "module" ? fields->at(1) : nullptr;
}

StorageId parse_id(const Node& id) {
  const auto* fields = items_of(id);
  const auto* tag = fields && !fields->empty() ? fields->at(0)->as<std::string>() : nullptr;
  if (!tag || *tag != "storage" || fields->size() < 5) {
    throw Malformed("the pickle refers to something outside that is not a tensor storage");
  }
  const auto* type = fields->at(1)->as<Global>();
  const auto* key = fields->at(2)->as<std::string>();
  const auto* count = fields->at(4)->as<int64_t>();
  if (!type || !key || !count || *count < 0)
    throw Malformed("the description of a tensor storage is damaged");
  return {*key, type, *count, fields->size() > 5 ? fields->at(5) : nullptr};
}

}  // namespace

std::optional<at::ScalarType> storage_type(const std::string& name) {
  constexpr std::pair<std::string_view, at::ScalarType> kTypes[] = {
      {"torch.FloatStorage", at::kFloat},  {"torch.DoubleStorage", at::kDouble},
      {"torch.HalfStorage", at::kHalf},    {"torch.BFloat16Storage", at::kBFloat16},
      {"torch.LongStorage", at::kLong},    {"torch.IntStorage", at::kInt},
      {"torch.ShortStorage", at::kShort},  {"torch.CharStorage", at::kChar},
      {"torch.ByteStorage", at::kByte},    {"torch.BoolStorage", at::kBool},
      {"torch.UntypedStorage", at::kByte}, {"torch.storage.UntypedStorage", at::kByte},
  };
  for (const auto& [known, type] : kTypes) {
    if (known == name) return type;
  }
  return std::nullopt;
}

std::vector<int64_t> integers(const Node& node) {
  const auto* items = items_of(node);
  if (!items || items->size() > kMostDimensions) {
    throw Malformed("a shape is " + describe(node) + ", expected a tuple of at most 64 ints");
  }
  std::vector<int64_t> values;
  for (const Node* item : *items) {
    const auto* value = item->as<int64_t>();
    if (!value) throw Malformed("a shape holds " + describe(*item) + ", expected an int");
    values.push_back(*value);
  }
  return values;
}

Node* rebuild_tensor(Arena& arena, const std::vector<Node*>& arguments) {
  const bool enough = arguments.size() >= 4;
  const auto* storage = enough ? arguments[0]->as<std::shared_ptr<const TensorStorage>>() : nullptr;
  const auto* offset = enough ? arguments[1]->as<int64_t>() : nullptr;
  if (!storage || !offset) throw Malformed("a tensor is made of something else than a storage and an offset");
  arena.charge(kTensorBytes);
  return arena.make(view_storage(**storage, *offset, integers(*arguments[2]), integers(*arguments[3])));
}

const StorageSource::Storage& StorageSource::find_or_load(const std::string& key, at::ScalarType type,
                                                          int64_t count) {
  if (const auto found = storages_.find(key); found != storages_.end()) {
    if (found->second->type == type && found->second->count == count) return found->second;
    throw Malformed("the tensor storage '" + key + "' is described in two different ways");
  }
  const uint64_t bytes_per_element = c10::elementSize(type);
  if (static_cast<uint64_t>(count) > arena_.file_bytes() / bytes_per_element) {
    throw Malformed("the tensor storage '" + key + "' claims " + std::to_string(count) +
                    " elements, more than the file holds");
  }
  arena_.charge(static_cast<uint64_t>(count) * bytes_per_element + kTensorBytes);
  const at::Tensor memory = io::empty_tensor({count}, type);
  auto storage = std::make_shared<const TensorStorage>(TensorStorage{type, memory.storage(), 0, count});
  load(key, *storage);
  return storages_.emplace(key, std::move(storage)).first->second;
}

Node* StorageSource::resolve(const Node& node) {
  if (Node* module = module_class(node)) return module;
  const StorageId id = parse_id(node);
  const auto type = storage_type(id.type->name);
  if (!type && !can_pass_over()) refuse(*id.type);
  if (!type) return arena_.make_object(id.type->name);
  const Storage& whole = find_or_load(id.key, *type, id.count);
  if (!id.view || id.view->as<std::monostate>()) return arena_.make(whole);
  // (key of the view, offset, size): several storages that looked into one, as files of PyTorch 0.3 have
  // them.
  const auto* fields = items_of(*id.view);
  const auto* offset = fields && fields->size() == 3 ? fields->at(1)->as<int64_t>() : nullptr;
  const auto* size = offset ? fields->at(2)->as<int64_t>() : nullptr;
  if (!size || !fits(*offset, *size, whole->count)) {
    throw Malformed("a view of the tensor storage '" + id.key + "' lies outside of it");
  }
  return arena_.make(
      std::make_shared<const TensorStorage>(TensorStorage{whole->type, whole->memory, *offset, *size}));
}

}  // namespace iba::pickle
