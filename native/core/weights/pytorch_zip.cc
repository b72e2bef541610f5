#include <string_view>

#include "io/shape.h"
#include "io/zip_archive.h"
#include "weights/pickle_machine.h"
#include "weights/pytorch_file.h"

namespace iba::weights {

using io::ByteReader;
using io::InputFile;
using io::Malformed;
using io::normalise_booleans;
using io::ZipArchive;
using io::ZipRange;

namespace {

constexpr std::string_view kPickle = "/data.pkl";

/// Each storage is an entry of the archive.
class ZipStorages : public pickle::StorageSource {
 public:
  ZipStorages(const InputFile& file, const ZipArchive& archive, std::string folder, pickle::Arena& arena)
      : StorageSource(arena), file_(file), archive_(archive), folder_(std::move(folder)) {}

 protected:
  void load(const std::string& key, const pickle::TensorStorage& storage) override {
    const std::string name = folder_ + "/data/" + key;
    const ZipRange range = archive_.range(name, storage.bytes());
    file_.read(range.begin, storage.memory.mutable_data(), range.size);
    if (storage.type == at::kBool) normalise_booleans(storage.memory.mutable_data(), range.size);
  }

 private:
  const InputFile& file_;
  const ZipArchive& archive_;
  std::string folder_;
};

/// The folder that holds data.pkl and all else; its name is that of the file when it was written.
std::string find_folder(const ZipArchive& archive) {
  std::string folder;
  for (const auto& [name, range] : archive.entries()) {
    if (!name.ends_with(kPickle) || name.find('/') != name.size() - kPickle.size()) continue;
    if (!folder.empty()) throw Malformed("the zip archive holds more than one data.pkl");
    folder = name.substr(0, name.size() - kPickle.size());
  }
  if (folder.empty()) throw Malformed("the zip archive holds no data.pkl: torch.save did not write it");
  if (archive.has(folder + "/constants.pkl")) {
    throw Malformed("it is a TorchScript file, which is a model; expected a file of weights");
  }
  return folder;
}

void check_byte_order(const ZipArchive& archive, const std::string& folder) {
  const std::string name = folder + "/byteorder";
  if (!archive.has(name)) return;
  const std::string order = archive.text(name);
  if (order != "little")
    throw Malformed("the byte order of its tensors is '" + order + "', expected 'little'");
}

}  // namespace

bool looks_like_zip(const InputFile& file) {
  uint32_t begin = 0;
  if (file.size() >= sizeof begin) file.read(0, &begin, sizeof begin);
  return begin == 0x04034b50;
}

pickle::Value read_pytorch_zip(const InputFile& file, const std::string& file_name) {
  const ZipArchive archive(file);
  const std::string folder = find_folder(archive);
  check_byte_order(archive, folder);
  const auto arena = std::make_shared<pickle::Arena>(file_name, file.size());
  ZipStorages storages(file, archive, folder, *arena);
  const ZipRange range = archive.range(folder + std::string(kPickle));
  ByteReader in(file, range.begin, range.size, "the pickle");
  return {arena, pickle::read_pickle(in, *arena, &storages)};
}

}  // namespace iba::weights
