#include "network/import/torchscript_file.h"

#include "network/weights/malformed.h"
#include "network/weights/zip_archive.h"

namespace iba::imported {

using weights::Malformed;

void check_torchscript_file(const std::filesystem::path& path) {
  weights::naming_file(path.string(), [&] {
    const weights::InputFile file(path);
    const weights::ZipArchive archive(file);
    bool has_constants = false;
    for (const auto& [name, entry] : archive.entries()) {
      // Only the program's text may be compressed.
      if (name.find("/code/") == std::string::npos) archive.range(name);
      has_constants |= name.ends_with("/constants.pkl");
    }
    if (!has_constants) {
      throw Malformed("it holds no TorchScript model: expected what torch.jit.save or torch.export.save wrote");
    }
  });
}

std::string first_lines(const std::string& message) {
  size_t end = message.find("\nException raised from");
  std::string text = message.substr(0, std::min<size_t>(end, 600));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace iba::imported
