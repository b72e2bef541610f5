#include "import/script_archive.h"

#include <caffe2/serialize/inline_container.h>
#include <caffe2/serialize/read_adapter_interface.h>
#include <caffe2/serialize/versions.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "io/shape.h"
#include "io/zip_archive.h"
#include "weights/pickle_machine.h"

namespace iba::imported {

using io::InputFile;
using io::Malformed;
using io::ZipArchive;

namespace {

constexpr std::string_view kConstants = "/constants.pkl";
constexpr uint64_t kLongestProgram = uint64_t{32} << 20;
constexpr uint64_t kLongestVersion = 20;

/// Each storage is an entry of the archive.
class Storages : public pickle::StorageSource {
 public:
  Storages(const InputFile& file, const ZipArchive& archive, std::string folder, pickle::Arena& arena)
      : StorageSource(arena), file_(file), archive_(archive), folder_(std::move(folder)) {}

 protected:
  void load(const std::string& key, const pickle::TensorStorage& storage) override {
    const io::ZipRange range = archive_.range(folder_ + key, storage.bytes());
    file_.read(range.begin, storage.memory.mutable_data(), range.size);
    if (storage.type == at::kBool) io::normalise_booleans(storage.memory.mutable_data(), range.size);
  }

 private:
  const InputFile& file_;
  const ZipArchive& archive_;
  std::string folder_;
};

/// Lets LibTorch's reader of zip archives, which knows how to inflate, see the open file.
class FileView : public caffe2::serialize::ReadAdapterInterface {
 public:
  explicit FileView(const InputFile& file) : file_(file) {}
  size_t size() const override { return file_.size(); }
  size_t read(uint64_t position, void* to, size_t bytes, const char*) const override {
    file_.read(position, to, bytes);
    return bytes;
  }

 private:
  const InputFile& file_;
};

class Reader {
 public:
  explicit Reader(const std::filesystem::path& path)
      : file_(path), zip_(file_), folder_(find_folder()), name_(path.string()) {}

  ScriptArchive read() {
    check_byte_order();
    auto arena = std::make_shared<pickle::Arena>(name_, file_.size());
    const uint64_t version = read_version();
    auto sources = read_sources();
    const auto* constants = read_pickle("constants", *arena);
    const auto* model = read_pickle("data", *arena);
    return {std::move(arena), model, constants, version, std::move(sources)};
  }

 private:
  /// The folder that all entries lie in.
  std::string find_folder() const {
    for (const auto& [name, entry] : zip_.entries()) {
      if (name.ends_with(kConstants) && name.find('/') == name.size() - kConstants.size()) {
        return name.substr(0, name.size() - kConstants.size() + 1);
      }
    }
    throw Malformed("it holds no model: expected what torch.jit.save or torch.export.save wrote");
  }

  void check_byte_order() const {
    const std::string name = folder_ + "byteorder";
    if (!zip_.has(name)) return;
    if (std::string order = short_text(name); order != "little") {
      throw Malformed("the byte order of its tensors is '" + order + "', expected 'little'");
    }
  }

  std::string short_text(const std::string& name) const {
    if (zip_.range(name).size > kLongestVersion) throw Malformed("the entry '" + name + "' is too long");
    return zip_.text(name);
  }

  uint64_t read_version() const {
    const std::string newer = folder_ + ".data/version";
    const std::string text = short_text(zip_.has(newer) ? newer : folder_ + "version");
    std::string_view digits = text;
    while (digits.ends_with('\n')) digits.remove_suffix(1);
    uint64_t version = 0;
    auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), version);
    bool is_number = failure == std::errc() && end == digits.data() + digits.size();
    using caffe2::serialize::kMaxSupportedFileFormatVersion,
        caffe2::serialize::kMinSupportedFileFormatVersion;
    if (is_number && version >= kMinSupportedFileFormatVersion && version <= kMaxSupportedFileFormatVersion) {
      return version;
    }
    throw Malformed("its format has the version '" + std::string(digits) + "', expected " +
                    std::to_string(kMinSupportedFileFormatVersion) + " to " +
                    std::to_string(kMaxSupportedFileFormatVersion) + ", which this LibTorch reads");
  }

  std::map<std::string, std::string> read_sources() {
    constexpr std::string_view kEnding = ".py";
    const std::string begin = folder_ + "code/";
    std::map<std::string, std::string> sources;
    uint64_t bytes = 0;
    for (const auto& [name, entry] : zip_.entries()) {
      if (!name.starts_with(begin) || !name.ends_with(kEnding)) continue;
      bytes += std::min(entry.size, kLongestProgram + 1);
      if (bytes > kLongestProgram) throw Malformed("its program has more than 32 MB of code");
      std::string module = name.substr(begin.size(), name.size() - begin.size() - kEnding.size());
      std::replace(module.begin(), module.end(), '/', '.');
      sources.emplace(module, entry.plain ? zip_.text(name) : inflated(name, entry.size));
    }
    return sources;
  }

  std::string inflated(const std::string& name, uint64_t size) {
    if (!inflater_) inflater_.emplace(std::make_shared<FileView>(file_));
    const std::string record = name.substr(folder_.size());
    if (inflater_->getRecordSize(record) != size) throw Malformed("the entry '" + name + "' is damaged");
    std::string text(size, '\0');
    inflater_->getRecord(record, text.data(), text.size());
    return text;
  }

  const pickle::Node* read_pickle(const std::string& name, pickle::Arena& arena) const {
    const std::string entry = folder_ + name + ".pkl";
    const auto range = zip_.range(entry);
    Storages storages(file_, zip_, folder_ + name + "/", arena);
    io::ByteReader in(file_, range.begin, range.size, "the pickle '" + entry + "'");
    return pickle::read_pickle(in, arena, &storages, pickle::Vocabulary::script);
  }

  const InputFile file_;
  const ZipArchive zip_;
  std::string folder_;
  std::string name_;
  std::optional<caffe2::serialize::PyTorchStreamReader> inflater_;
};

}  // namespace

ScriptArchive read_script_archive(const std::filesystem::path& path) {
  return Reader(path).read();
}

}  // namespace iba::imported
