#include "weights/pickle_node.h"

#include <algorithm>
#include <array>

#include "io/malformed.h"

namespace iba::pickle {

namespace {

constexpr uint64_t kBytesPerFileByte = 4;
constexpr uint64_t kFreeBytes = uint64_t{64} << 20;
constexpr uint64_t kMostFileBytes = uint64_t{1} << 60;

}  // namespace

Arena::Arena(std::string file_name, uint64_t file_bytes)
    : file_name_(std::move(file_name)),
      file_bytes_(file_bytes),
      budget_(std::min(file_bytes, kMostFileBytes) * kBytesPerFileByte + kFreeBytes) {}

void Arena::charge(uint64_t bytes) {
  if (bytes > budget_) {
    throw io::Malformed("its content would take far more memory than a file of " +
                        std::to_string(file_bytes_) + " bytes can need");
  }
  budget_ -= bytes;
}

Node* Arena::make(Payload payload) {
  charge(sizeof(Node));
  return &nodes_.emplace_back(Node{std::move(payload)});
}

Node* Arena::make_object(std::string_view class_name, Node* state) {
  charge(class_name.size());
  return make(Object{std::string(class_name), state});
}

const std::vector<Node*>* items_of(const Node& node) {
  if (const auto* list = node.as<List>()) return &list->items;
  if (const auto* tuple = node.as<Tuple>()) return &tuple->items;
  return nullptr;
}

std::string describe(const Node& node) {
  if (const auto* global = node.as<Global>()) return "the object " + global->name;
  if (const auto* object = node.as<Object>()) return "an object of the class " + object->class_name;
  constexpr std::array<const char*, std::variant_size_v<Payload>> kNames{"None",
                                                                         "a bool",
                                                                         "an int",
                                                                         "an int of more than 64 bits",
                                                                         "a float",
                                                                         "a text",
                                                                         "bytes",
                                                                         "a list",
                                                                         "a tuple",
                                                                         "a dict",
                                                                         "a tensor",
                                                                         "an object",
                                                                         "a tensor storage",
                                                                         "a numpy type",
                                                                         "an unfilled numpy array",
                                                                         "an object"};
  return kNames[node.payload.index()];
}

}  // namespace iba::pickle
