#include "import/onnx/model_file.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "import/onnx/model_reader.h"
#include "io/malformed.h"

namespace iba::imported::onnx {

using io::InputFile;
using io::Malformed;

namespace {

constexpr uint32_t kVersion = 1, kProducer = 2, kGraphField = 7;
constexpr int64_t kHighestVersion = 127;
constexpr uint64_t kLongestProducer = 256;

/// Whether a model may have such a field.
bool is_model_field(const Field& field) {
  static const std::map<uint32_t, WireType> kFields = {
      {kVersion, WireType::varint},   {kProducer, WireType::bytes}, {3, WireType::bytes},
      {4, WireType::bytes},           {5, WireType::varint},        {6, WireType::bytes},
      {kGraphField, WireType::bytes}, {8, WireType::bytes},         {14, WireType::bytes},
      {20, WireType::bytes},          {25, WireType::bytes},        {26, WireType::bytes}};
  auto found = kFields.find(field.number());
  return found != kFields.end() && found->second == field.type();
}

bool is_version(const Field& field) {
  const int64_t version = field.integer();
  return version >= 1 && version <= kHighestVersion;
}

/// Other formats have a message where ONNX has a name.
bool is_producer(const Field& field) {
  if (field.contents().size == 0 || field.contents().size > kLongestProducer) return false;
  const std::string name = field.text();
  return std::all_of(name.begin(), name.end(), [](unsigned char c) { return c >= 0x20; });
}

}  // namespace

bool is_onnx(const std::filesystem::path& path) {
  return io::naming_file(path.string(), [&] {
    const InputFile file(path);
    BufferedFile bytes(file);
    // As if the file went on, or one that was cut off would not be known for what it is.
    Message message(bytes, {0, std::numeric_limits<uint64_t>::max()});
    bool has_version = false, has_producer = false, has_graph = false;
    try {
      while (auto field = message.next()) {
        if (!is_model_field(*field)) return false;
        has_version |= field->number() == kVersion && is_version(*field);
        has_producer |= field->number() == kProducer && is_producer(*field);
        has_graph |= field->number() == kGraphField;
        if (has_version && has_graph) return true;
      }
    } catch (const Malformed&) {
      // The end of what there is.
    }
    return has_version && has_producer;
  });
}

Model read_onnx(const std::filesystem::path& path) {
  return io::naming_file(path.string(), [&] {
    const InputFile file(path);
    BufferedFile bytes(file);
    TensorReader tensors(bytes, path);
    ModelReader reader([&](const TensorEntry& entry) { return tensors.read(entry); });
    return reader.model(Message(bytes));
  });
}

std::vector<std::string> external_files(const std::filesystem::path& path) {
  if (!is_onnx(path)) return {};
  return io::naming_file(path.string(), [&] {
    const InputFile file(path);
    BufferedFile bytes(file);
    const ExternalFiles external(path);
    std::set<std::string> locations;
    ModelReader reader([&](const TensorEntry& entry) {
      if (entry.external && locations.insert(entry.external->location).second) {
        external.find(entry.external->location);
      }
      return Tensor();
    });
    reader.model(Message(bytes));
    return std::vector<std::string>(locations.begin(), locations.end());
  });
}

}  // namespace iba::imported::onnx
