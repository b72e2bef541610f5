#include "io/zip_archive.h"

#include "support/input.h"

void iba::fuzz::read(const Input& input) {
  const io::InputFile file(input.file());
  const io::ZipArchive archive(file);
  for (const auto& [name, entry] : archive.entries()) {
    try {
      archive.text(name);
    } catch (const io::Malformed&) {
      // The other entries may be sound.
    }
  }
}
