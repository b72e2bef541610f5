#include "import/onnx/tensors.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "error.h"
#include "io/malformed.h"
#include "io/shape.h"
#include "io/text.h"

namespace iba::imported::onnx {

using io::Malformed;

namespace {

// The fields of a tensor.
constexpr uint32_t kDims = 1, kType = 2, kSegment = 3, kFloatData = 4, kInt32Data = 5, kInt64Data = 7,
                   kName = 8, kRawData = 9, kDoubleData = 10, kUint64Data = 11, kExternalData = 13,
                   kLocation = 14;

/// Stores an integer at an index, and says whether it fits the type.
template <typename T>
bool store(void* values, int64_t index, int64_t value) {
  const auto stored = static_cast<T>(value);
  static_cast<T*>(values)[index] = stored;
  return static_cast<int64_t>(stored) == value;
}

bool store_truth(void* values, int64_t index, int64_t value) {
  return store<uint8_t>(values, index, value != 0);
}

struct ElementType {
  int64_t number;
  at::ScalarType in_file;
  at::ScalarType here;
  /// The field of values that are written one by one.
  uint32_t field;
  /// For those that are written as integers; half precision is, by its bits.
  bool (*store)(void* values, int64_t index, int64_t value) = nullptr;
};
/// What a byte of external data may become, as several tensors may lie at one place.
constexpr uint64_t kMostBytesOfOne = 8;
/// Whatever the files' sizes.
constexpr uint64_t kAlways = uint64_t{64} << 20;

constexpr int64_t kUint64 = 13;
constexpr std::array<ElementType, 13> kTypes{{
    {1, at::kFloat, at::kFloat, kFloatData},
    {2, at::kByte, at::kByte, kInt32Data, store<uint8_t>},
    {3, at::kChar, at::kChar, kInt32Data, store<int8_t>},
    {4, at::kUInt16, at::kInt, kInt32Data, store<uint16_t>},
    {5, at::kShort, at::kShort, kInt32Data, store<int16_t>},
    {6, at::kInt, at::kInt, kInt32Data, store<int32_t>},
    {7, at::kLong, at::kLong, kInt64Data, store<int64_t>},
    {9, at::kBool, at::kBool, kInt32Data, store_truth},
    {10, at::kHalf, at::kHalf, kInt32Data, store<uint16_t>},
    {11, at::kDouble, at::kDouble, kDoubleData},
    {12, at::kUInt32, at::kLong, kUint64Data, store<uint32_t>},
    {kUint64, at::kLong, at::kLong, kUint64Data, store<int64_t>},
    {16, at::kBFloat16, at::kBFloat16, kInt32Data, store<uint16_t>},
}};

const ElementType* element_type(int64_t number) {
  const auto* found =
      std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& type) { return type.number == number; });
  return found == kTypes.end() ? nullptr : found;
}

/// What the format calls a type that can't be read.
std::string unread_type(int64_t number) {
  constexpr std::array<std::pair<int64_t, const char*>, 14> kNames{{{8, "string"},
                                                                    {14, "complex64"},
                                                                    {15, "complex128"},
                                                                    {17, "float8e4m3fn"},
                                                                    {18, "float8e4m3fnuz"},
                                                                    {19, "float8e5m2"},
                                                                    {20, "float8e5m2fnuz"},
                                                                    {21, "uint4"},
                                                                    {22, "int4"},
                                                                    {23, "float4e2m1"},
                                                                    {24, "float8e8m0"},
                                                                    {25, "uint2"},
                                                                    {26, "int2"},
                                                                    {0, "undefined"}}};
  for (const auto& [known, name] : kNames) {
    if (known == number) return std::string("of the type ") + name;
  }
  return "of a type unknown here, number " + std::to_string(number);
}

std::string quoted(const TensorEntry& entry) {
  return "the tensor '" + entry.name + "'";
}

uint64_t parse_count(const std::string& text, const char* what, const TensorEntry& entry) {
  uint64_t count = 0;
  const char* end = text.data() + text.size();
  auto [last, error] = std::from_chars(text.data(), end, count);
  if (error == std::errc() && last == end) return count;
  throw Malformed(quoted(entry) + " has the " + what + " '" + text + "', expected a number of bytes");
}

/// One of the pairs of names and values that say where a tensor's values lie. A checksum is passed over.
void read_place(Message pair, std::map<std::string, std::string>& place) {
  std::string key, value;
  while (auto field = pair.next()) {
    if (field->number() == 1) key = field->text();
    if (field->number() == 2) value = field->text();
  }
  if (key == "location" || key == "offset" || key == "length") place[key] = std::move(value);
}

ExternalPlace external_place(const std::map<std::string, std::string>& place, const TensorEntry& entry) {
  ExternalPlace external;
  auto given = [&](const char* key) {
    auto found = place.find(key);
    return found == place.end() ? std::string() : found->second;
  };
  external.location = given("location");
  if (!given("offset").empty()) external.offset = parse_count(given("offset"), "offset", entry);
  if (!given("length").empty()) external.length = parse_count(given("length"), "length", entry);
  return external;
}

void require_bytes(const TensorEntry& entry, uint64_t expected, uint64_t given) {
  if (expected == given) return;
  throw Malformed(quoted(entry) + " of the shape " + io::shape_text(entry.shape) + " needs " +
                  std::to_string(expected) + " bytes, but has " + std::to_string(given));
}

/// A repeated field may be written in several pieces, each one value or a packed row.
template <typename Visit>
void each_piece(const TensorEntry& entry, uint32_t number, const Visit& visit) {
  Message message = entry.message;
  while (auto field = message.next()) {
    if (field->number() == number) visit(*field);
  }
}

[[noreturn]] void refuse_count(const TensorEntry& entry) {
  throw Malformed(quoted(entry) + " of the shape " + io::shape_text(entry.shape) +
                  " has another number of values");
}

/// Each integer takes a byte of the file at least, so that memory for them is a small multiple of it.
void require_possible(const TensorEntry& entry, uint32_t number, int64_t count) {
  uint64_t bytes = 0;
  each_piece(entry, number, [&](const Field& field) { bytes += field.range().size; });
  if (static_cast<uint64_t>(count) > bytes) refuse_count(entry);
}

Tensor read_integers(const TensorEntry& entry, const ElementType& type, int64_t count) {
  require_possible(entry, type.field, count);
  Tensor tensor = io::empty_tensor(entry.shape, type.in_file);
  void* values = tensor.mutable_data_ptr();
  int64_t index = 0;
  auto add = [&](int64_t value) {
    // Protobuf's 32-bit integers are written with the sign of a 64-bit one, or without it.
    if (type.field == kInt32Data) value = static_cast<int32_t>(value);
    if (index == count) refuse_count(entry);
    if (!type.store(values, index++, value)) {
      throw Malformed(quoted(entry) + " has the value " + std::to_string(value) +
                      ", which is outside of its type");
    }
  };
  each_piece(entry, type.field, [&](const Field& field) { field.integers(add); });
  if (index != count) refuse_count(entry);
  return tensor;
}

Tensor read_floats(const TensorEntry& entry, const ElementType& type, int64_t count, BufferedFile& file) {
  const auto width = type.in_file == at::kDouble ? WireType::fixed64 : WireType::fixed32;
  uint64_t bytes = 0;
  each_piece(entry, type.field, [&](const Field& field) { bytes += field.numbers(width).size; });
  require_bytes(entry, static_cast<uint64_t>(count) * c10::elementSize(type.in_file), bytes);
  Tensor tensor = io::empty_tensor(entry.shape, type.in_file);
  auto* to = static_cast<char*>(tensor.mutable_data_ptr());
  each_piece(entry, type.field, [&](const Field& field) {
    const Range& range = field.range();
    file.read(range.begin, to, range.size);
    to += range.size;
  });
  return tensor;
}

/// As the rest of the program knows the type.
Tensor finished(Tensor tensor, const TensorEntry& entry, const ElementType& type) {
  if (type.in_file == at::kBool) io::normalise_booleans(tensor.mutable_data_ptr(), tensor.nbytes());
  if (type.number == kUint64 && tensor.lt(0).any().item<bool>()) {
    throw Malformed(quoted(entry) + " has a value from 2^63 on");
  }
  return tensor.to(type.here);
}

}  // namespace

TensorEntry::TensorEntry(const Message& its_message) : message(its_message) {
  std::map<std::string, std::string> place;
  bool is_external = false;
  Message fields = message;
  while (auto field = fields.next()) {
    switch (field->number()) {
      case kDims:
        field->integers([&](int64_t size) { shape.push_back(size); });
        break;
      case kType:
        type = field->integer();
        break;
      case kSegment:
        throw Malformed("a tensor is written in segments, expected a whole one");
      case kName:
        name = field->text();
        break;
      case kRawData:
        raw = field->contents();
        break;
      case kExternalData:
        read_place(field->message(), place);
        break;
      case kLocation:
        is_external = field->integer() != 0;
        break;
      default:
        break;
    }
  }
  if (is_external) external = external_place(place, *this);
}

std::optional<at::ScalarType> scalar_type(int64_t type) {
  const auto* found = element_type(type);
  return found ? std::optional(found->here) : std::nullopt;
}

Tensor TensorReader::read(const TensorEntry& entry) {
  const auto* type = element_type(entry.type);
  if (!type) {
    throw Error(ErrorCode::model, "The tensor '" + entry.name + "' of the ONNX model is " +
                                      unread_type(entry.type) +
                                      ", which can't be explained. Export the model in float32.");
  }
  const int64_t count = io::checked_numel(entry.shape);
  const uint64_t bytes = static_cast<uint64_t>(count) * c10::elementSize(type->in_file);
  Tensor tensor;
  if (entry.external) {
    const io::InputFile& file = external_file(entry, bytes);
    tensor = io::empty_tensor(entry.shape, type->in_file);
    file.read(entry.external->offset, tensor.mutable_data_ptr(), bytes);
  } else if (entry.raw) {
    require_bytes(entry, bytes, entry.raw->size);
    tensor = io::empty_tensor(entry.shape, type->in_file);
    file_.read(entry.raw->begin, tensor.mutable_data_ptr(), bytes);
  } else if (type->store) {
    tensor = read_integers(entry, *type, count);
  } else {
    tensor = read_floats(entry, *type, count, file_);
  }
  return finished(std::move(tensor), entry, *type);
}

const io::InputFile& TensorReader::external_file(const TensorEntry& entry, uint64_t bytes) {
  const auto& [location, offset, length] = *entry.external;
  if (length) require_bytes(entry, bytes, *length);
  const io::InputFile& file = external_.open(location);
  if (offset > file.size() || bytes > file.size() - offset) {
    throw Malformed("'" + location + "' ends too early: " + quoted(entry) + " needs " +
                    std::to_string(bytes) + " bytes from byte " + std::to_string(offset) +
                    " on, but the file has " + std::to_string(file.size()) +
                    " bytes. Was it saved or downloaded completely?");
  }
  external_bytes_ += bytes;
  if (external_bytes_ > kAlways && (external_bytes_ - kAlways) / kMostBytesOfOne > external_.bytes()) {
    throw Malformed("its tensors take more than " + std::to_string(kMostBytesOfOne) +
                    " times the size of the files that hold them");
  }
  return file;
}

}  // namespace iba::imported::onnx
