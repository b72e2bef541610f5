#include "io/safetensors.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "io/atomic_file.h"
#include "io/json_reader.h"
#include "io/shape.h"
#include "io/utf8.h"

namespace iba {

namespace io {

namespace {

constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kLargestHeader = 100'000'000;  // the limit of the format
constexpr std::string_view kMetadata = "__metadata__";

struct TypeName {
  std::string_view name;
  at::ScalarType type;
};
constexpr std::array<TypeName, 10> kTypes{{{"F32", at::kFloat},
                                           {"F16", at::kHalf},
                                           {"BF16", at::kBFloat16},
                                           {"F64", at::kDouble},
                                           {"I64", at::kLong},
                                           {"I32", at::kInt},
                                           {"I16", at::kShort},
                                           {"I8", at::kChar},
                                           {"U8", at::kByte},
                                           {"BOOL", at::kBool}}};

struct Entry {
  std::string name;
  at::ScalarType type;
  std::vector<int64_t> shape;
  uint64_t begin;
  uint64_t end;
};

std::string quoted(const std::string& name) {
  return "the tensor '" + name + "'";
}

at::ScalarType type_named(const std::string& name, const std::string& tensor) {
  for (const TypeName& type : kTypes) {
    if (type.name == name) return type.type;
  }
  throw Malformed(quoted(tensor) + " has the type '" + name +
                  "', expected F64, F32, F16, BF16, I64, I32, I16, I8, U8 or BOOL");
}

Entry read_entry(JsonReader& json, const std::string& name) {
  std::optional<at::ScalarType> type;
  std::optional<std::vector<int64_t>> shape;
  std::optional<std::vector<int64_t>> offsets;
  auto numbers = [&](std::optional<std::vector<int64_t>>& list) {
    if (list) throw Malformed(quoted(name) + " is described twice");
    list.emplace();
    json.array([&] { list->push_back(json.count()); });
  };
  json.object([&](const std::string& field) {
    if (field == "shape") {
      numbers(shape);
    } else if (field == "data_offsets") {
      numbers(offsets);
    } else if (field == "dtype" && !type) {
      type = type_named(json.string(), name);
    } else {
      throw Malformed(quoted(name) + " has an unexpected field '" + field +
                      "', expected dtype, shape and data_offsets");
    }
  });
  if (!type || !shape || !offsets || offsets->size() != 2) {
    throw Malformed(quoted(name) + " needs a dtype, a shape and two data_offsets");
  }
  return {name, *type, std::move(*shape), static_cast<uint64_t>(offsets->at(0)),
          static_cast<uint64_t>(offsets->at(1))};
}

struct Header {
  std::vector<Entry> entries;
  std::map<std::string, std::string> metadata;
};

Header parse_header(const std::string& text) {
  Header header;
  std::set<std::string> names;
  JsonReader json(text);
  json.object([&](const std::string& name) {
    if (!names.insert(name).second) throw Malformed(quoted(name) + " is described twice");
    if (name == kMetadata) {
      json.object([&](const std::string& key) { header.metadata[key] = json.string(); });
    } else {
      header.entries.push_back(read_entry(json, name));
    }
  });
  json.end();
  return header;
}

/// The tensors must fill the data exactly, one after the other, each as large as its shape says.
void check_layout(const std::vector<Entry>& entries, uint64_t data_bytes) {
  std::vector<const Entry*> sorted;
  for (const Entry& entry : entries) {
    const uint64_t bytes = static_cast<uint64_t>(checked_numel(entry.shape)) * c10::elementSize(entry.type);
    if (entry.end < entry.begin || entry.end > data_bytes || entry.end - entry.begin != bytes) {
      throw Malformed(quoted(entry.name) + " lies at bytes " + std::to_string(entry.begin) + " to " +
                      std::to_string(entry.end) + " of the data; expected " + std::to_string(bytes) +
                      " bytes within " + std::to_string(data_bytes));
    }
    sorted.push_back(&entry);
  }
  std::sort(sorted.begin(), sorted.end(), [](const Entry* a, const Entry* b) {
    return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
  });
  uint64_t position = 0;
  for (const Entry* entry : sorted) {
    if (entry->begin != position) {
      throw Malformed(quoted(entry->name) + " begins at byte " + std::to_string(entry->begin) +
                      " of the data, expected " + std::to_string(position) +
                      ": tensors must not overlap nor leave gaps");
    }
    position = entry->end;
  }
  if (position != data_bytes) {
    throw Malformed("the tensors take " + std::to_string(position) + " bytes, but " +
                    std::to_string(data_bytes) + " bytes follow the header");
  }
}

uint64_t header_size(const InputFile& file) {
  uint64_t size;
  file.read(0, &size, kLengthBytes);
  const uint64_t limit = std::min(file.size() - kLengthBytes, kLargestHeader);
  if (size > limit) {
    throw Malformed("the safetensors header claims " + std::to_string(size) + " bytes, expected at most " +
                    std::to_string(limit));
  }
  return size;
}

}  // namespace

bool looks_like_safetensors(const InputFile& file) {
  if (file.size() <= kLengthBytes) return false;
  char first;
  file.read(kLengthBytes, &first, 1);
  return first == '{';
}

WeightFile read_safetensors(const InputFile& file) {
  const uint64_t size = header_size(file);
  Header header = parse_header(ByteReader(file, kLengthBytes, size, "the header").take(size));
  const uint64_t data_begin = kLengthBytes + size;
  check_layout(header.entries, file.size() - data_begin);
  WeightFile result{{}, std::move(header.metadata), "safetensors"};
  for (const Entry& entry : header.entries) {
    at::Tensor tensor = empty_tensor(entry.shape, entry.type);
    file.read(data_begin + entry.begin, tensor.data_ptr(), entry.end - entry.begin);
    if (entry.type == at::kBool) normalise_booleans(tensor.data_ptr(), entry.end - entry.begin);
    result.tensors.emplace_back(entry.name, std::move(tensor));
  }
  return result;
}

namespace {

std::string_view written_type_name(const at::Tensor& tensor, const std::string& name) {
  for (const TypeName& type : kTypes) {
    if (type.type == tensor.scalar_type()) return type.name;
  }
  throw Malformed(quoted(name) + " has the type " + c10::toString(tensor.scalar_type()) +
                  ", which is not written to safetensors files");
}

/// Larger elements come first, so that every tensor is aligned to its element, which readers that map the
/// file rely on.
std::vector<size_t> data_order(const NamedTensors& tensors) {
  std::vector<size_t> order(tensors.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return tensors[a].second.element_size() > tensors[b].second.element_size();
  });
  return order;
}

std::string metadata_json(const std::map<std::string, std::string>& metadata) {
  std::string text = json_string(kMetadata) + ":{";
  for (const auto& [key, value] : metadata) {
    if (!is_utf8(key) || !is_utf8(value)) throw Malformed("the metadata must be UTF-8 text");
    if (text.back() != '{') text += ',';
    text += json_string(key) + ":" + json_string(value);
  }
  return text + "}";
}

std::string entry_json(const std::string& name, const at::Tensor& tensor, uint64_t begin) {
  std::string shape;
  for (const int64_t size : tensor.sizes()) shape += (shape.empty() ? "" : ",") + std::to_string(size);
  return json_string(name) + ":{\"dtype\":\"" + std::string(written_type_name(tensor, name)) +
         "\",\"shape\":[" + shape + "],\"data_offsets\":[" + std::to_string(begin) + "," +
         std::to_string(begin + tensor.nbytes()) + "]}";
}

std::string header_json(const NamedTensors& tensors, const std::vector<size_t>& order,
                        const std::map<std::string, std::string>& metadata) {
  std::vector<uint64_t> begins(tensors.size());
  uint64_t position = 0;
  for (const size_t index : order) {
    begins[index] = position;
    position += tensors[index].second.nbytes();
  }
  std::set<std::string_view> names{kMetadata};
  std::string text = metadata.empty() ? "{" : "{" + metadata_json(metadata);
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto& [name, tensor] = tensors[i];
    if (!is_utf8(name)) throw Malformed("the names of tensors must be UTF-8 text");
    if (!names.insert(name).second) throw Malformed("the name '" + name + "' can't be used, or not twice");
    if (text.back() != '{') text += ',';
    text += entry_json(name, tensor, begins[i]);
  }
  text += "}";
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

}  // namespace

}  // namespace io

void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata) {
  io::naming_file(path.string(), [&] {
    const std::vector<size_t> order = io::data_order(tensors);
    const std::string header = io::header_json(tensors, order, metadata);
    const uint64_t header_bytes = header.size();
    io::AtomicFile file(path);
    file.write(&header_bytes, sizeof header_bytes);
    file.write(header.data(), header.size());
    for (const size_t index : order) {
      const at::Tensor tensor = tensors[index].second.to(at::kCPU).contiguous();
      file.write(tensor.data_ptr(), tensor.nbytes());
    }
    file.commit();
  });
}

}  // namespace iba
