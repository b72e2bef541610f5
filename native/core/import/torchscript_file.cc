#include "import/torchscript_file.h"

#include "io/malformed.h"
#include "io/zip_archive.h"
#include "weights/pickle_machine.h"

namespace iba::imported {

using io::Malformed;

namespace {

constexpr std::string_view kConstants = "/constants.pkl";

/// Makes sure that each storage has an entry of its size, and reads none of them.
class StorageSizes : public pickle::StorageSource {
 public:
  StorageSizes(const io::ZipArchive& archive, std::string folder, pickle::Arena& arena)
      : StorageSource(arena), archive_(archive), folder_(std::move(folder)) {}

 protected:
  void load(const std::string& key, const pickle::TensorStorage& storage) override {
    archive_.range(folder_ + key, storage.bytes());
  }

 private:
  const io::ZipArchive& archive_;
  std::string folder_;
};

/// The folder that all entries lie in.
std::string find_folder(const io::ZipArchive& archive) {
  for (const auto& [name, entry] : archive.entries()) {
    if (name.ends_with(kConstants)) return name.substr(0, name.size() - kConstants.size());
  }
  throw Malformed("it holds no model: expected what torch.jit.save or torch.export.save wrote");
}

/// A pickle of the archive, whose tensors lie in the entries that begin with `storages`.
void check_pickle(const io::InputFile& file, const io::ZipArchive& archive, const std::string& pickle,
                  const std::string& storages, const std::string& file_name) {
  const auto range = archive.range(pickle);
  pickle::Arena arena(file_name, file.size());
  StorageSizes sizes(archive, storages, arena);
  io::ByteReader in(file, range.begin, range.size, "the pickle '" + pickle + "'");
  pickle::read_pickle(in, arena, &sizes, pickle::Vocabulary::script);
}

}  // namespace

void check_torchscript_file(const std::filesystem::path& path) {
  const std::string name = path.string();
  io::naming_file(name, [&] {
    const io::InputFile file(path);
    const io::ZipArchive archive(file);
    const std::string folder = find_folder(archive);
    for (const auto& [entry, _] : archive.entries()) {
      // Only the program's text may be compressed.
      if (entry.find("/code/") == std::string::npos) archive.range(entry);
    }
    check_pickle(file, archive, folder + "/data.pkl", folder + "/data/", name);
    check_pickle(file, archive, folder + "/constants.pkl", folder + "/constants/", name);
  });
}

}  // namespace iba::imported
