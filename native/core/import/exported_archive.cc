#include "import/exported_archive.h"

#include <algorithm>

#include "error.h"
#include "io/malformed.h"
#include "io/shape.h"
#include "io/zip_archive.h"

namespace iba::imported {

using io::InputFile;
using io::JsonValue;
using io::Malformed;
using io::ZipArchive;

namespace {

/// The major version of the schema that torch 2.9 to 2.13 write.
constexpr int64_t kSchemaVersion = 8;

/// The archive's entries lie in one folder, which is named after the file as it was saved.
class Archive {
 public:
  explicit Archive(const InputFile& file) : file_(file), zip_(file) {
    for (const auto& [name, entry] : zip_.entries()) {
      if (name.ends_with("/archive_format")) folder_ = name.substr(0, name.rfind('/') + 1);
      is_older_ |= name.ends_with("serialized_exported_program.json");
    }
  }

  bool is_older() const { return is_older_; }
  bool is_exported() const { return !folder_.empty() && text("archive_format") == "pt2"; }

  bool has(const std::string& name) const { return zip_.has(folder_ + name); }

  std::string text(const std::string& name) const { return zip_.text(folder_ + name); }

  JsonValue json(const std::string& name) const {
    return JsonValue::parse(text(name), "the entry '" + name + "' is not the JSON of an exported program");
  }

  /// The bytes of an entry as a row of numbers.
  Tensor numbers(const std::string& name, at::ScalarType type) const {
    auto range = zip_.range(folder_ + name);
    auto size = static_cast<uint64_t>(c10::elementSize(type));
    if (range.size % size != 0) throw Malformed("the entry '" + name + "' ends within a number");
    Tensor row = at::empty({static_cast<int64_t>(range.size / size)}, type);
    file_.read(range.begin, row.mutable_data_ptr(), range.size);
    if (type != at::kBool) return row;
    return row.view(at::kByte).ne(0);
  }

  /// The only model of the archive.
  std::string model() const {
    std::string found;
    const std::string begin = folder_ + "models/";
    for (const auto& [name, entry] : zip_.entries()) {
      if (!name.starts_with(begin) || !name.ends_with(".json")) continue;
      if (!found.empty()) throw Malformed("it holds several models, expected one");
      found = name.substr(begin.size(), name.size() - begin.size() - std::string(".json").size());
    }
    if (found.empty()) throw Malformed("it holds no exported program");
    return found;
  }

 private:
  const InputFile& file_;
  ZipArchive zip_;
  std::string folder_;
  bool is_older_ = false;
};

std::vector<int64_t> extents(const JsonValue& list) {
  std::vector<int64_t> numbers;
  for (const auto& number : list.array()) {
    numbers.push_back(number["as_int"].integer());
    if (numbers.back() < 0) throw Malformed("a tensor has a negative extent or stride");
  }
  return numbers;
}

/// The view of a row of numbers that the file describes, if it lies inside of the row.
Tensor strided(const Tensor& row, const JsonValue& meta, const std::string& name) {
  auto sizes = extents(meta["sizes"]), strides = extents(meta["strides"]);
  io::checked_numel(sizes);
  int64_t offset = meta["storage_offset"]["as_int"].integer();
  bool fits = sizes.size() == strides.size() && offset >= 0;
  bool is_empty = std::find(sizes.begin(), sizes.end(), 0) != sizes.end();
  if (fits && is_empty) return at::empty(sizes, row.options());
  int64_t room = row.numel() - 1 - offset;
  fits &= room >= 0;
  for (size_t i = 0; fits && i < sizes.size(); ++i) {
    int64_t last = 0;
    fits = !__builtin_mul_overflow(sizes[i] - 1, strides[i], &last) && last <= room;
    room -= last;
  }
  if (!fits) throw Malformed("the tensor '" + name + "' lies outside of its entry");
  return row.as_strided(sizes, strides, offset);
}

/// Reads the tensors of an archive. Several of them may lie in one entry, which is read once.
class TensorReader {
 public:
  TensorReader(const Archive& archive, uint64_t file_bytes)
      : archive_(archive), bytes_left_(kAlways + kMostBytesOfOne * file_bytes) {}

  void read(const std::string& folder, const std::string& config, std::map<std::string, Tensor>& tensors) {
    if (!archive_.has(folder + config)) return;
    const JsonValue payloads = archive_.json(folder + config);
    for (const auto& [name, payload] : payloads["config"].members()) {
      const JsonValue* pickled = payload.find("use_pickle");
      if (pickled && pickled->boolean()) {
        throw Error(ErrorCode::model, "The tensor '" + name +
                                          "' of the exported program is of a kind of its own. Only "
                                          "plain tensors can be read.");
      }
      const JsonValue& meta = payload["tensor_meta"];
      auto type = exported_scalar_type(meta["dtype"].integer());
      Tensor tensor = strided(row(folder + payload["path_name"].string(), type), meta, name);
      tensors[name] = tensor.is_contiguous() ? tensor : made(tensor, tensor.numel()).contiguous();
    }
  }

 private:
  /// What a byte of the file may become: half precision becomes single, and a view a tensor of its own.
  static constexpr uint64_t kMostBytesOfOne = 8;
  /// Whatever the file's size.
  static constexpr uint64_t kAlways = uint64_t{64} << 20;

  const Tensor& row(const std::string& entry, at::ScalarType type) {
    auto [found, is_new] = rows_.try_emplace({entry, type});
    if (!is_new) return found->second;
    Tensor numbers = archive_.numbers(entry, type);
    if (numbers.is_floating_point()) numbers = numbers.to(at::kFloat);
    return found->second = made(numbers, numbers.numel());
  }

  /// The same tensor, once so many elements of it are known to be within the file's proportions.
  const Tensor& made(const Tensor& tensor, int64_t elements) {
    uint64_t bytes = static_cast<uint64_t>(elements) * tensor.element_size();
    if (bytes > bytes_left_) {
      throw Malformed("its tensors take more than " + std::to_string(kMostBytesOfOne) +
                      " times the file's size");
    }
    bytes_left_ -= bytes;
    return tensor;
  }

  const Archive& archive_;
  uint64_t bytes_left_;
  std::map<std::pair<std::string, at::ScalarType>, Tensor> rows_;
};

}  // namespace

at::ScalarType exported_scalar_type(int64_t number) {
  static const std::map<int64_t, at::ScalarType> kTypes = {
      {1, at::kByte}, {2, at::kChar},  {3, at::kShort},  {4, at::kInt},   {5, at::kLong},
      {6, at::kHalf}, {7, at::kFloat}, {8, at::kDouble}, {12, at::kBool}, {13, at::kBFloat16}};
  auto found = kTypes.find(number);
  if (found == kTypes.end()) {
    throw Error(ErrorCode::model, "The exported program has a tensor of type " + std::to_string(number) +
                                      ", which can't be explained. Export it in float32.");
  }
  return found->second;
}

bool is_exported_archive(const std::filesystem::path& path) {
  return io::naming_file(path.string(), [&] {
    const InputFile file(path);
    const Archive archive(file);
    return archive.is_older() || archive.is_exported();
  });
}

ExportedArchive read_exported_archive(const std::filesystem::path& path) {
  return io::naming_file(path.string(), [&] {
    const InputFile file(path);
    const Archive archive(file);
    if (archive.is_older()) {
      throw Error(ErrorCode::model, "'" + path.string() +
                                        "' was exported by an older torch. Export it again with "
                                        "torch 2.9 or newer, or save it with torch.jit.trace.");
    }
    const std::string model = archive.model();
    ExportedArchive read{archive.json("models/" + model + ".json"), {}};
    int64_t version = read.program["schema_version"]["major"].integer();
    if (version != kSchemaVersion) {
      throw Error(ErrorCode::model, "'" + path.string() + "' is an exported program of version " +
                                        std::to_string(version) + ", expected " +
                                        std::to_string(kSchemaVersion) +
                                        ", which torch 2.9 to 2.13 write. Export it with one of these.");
    }
    TensorReader tensors(archive, file.size());
    tensors.read("data/weights/", model + "_weights_config.json", read.tensors);
    tensors.read("data/constants/", model + "_constants_config.json", read.tensors);
    return read;
  });
}

}  // namespace iba::imported
