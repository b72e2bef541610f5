#include "import/exported_archive.h"

#include "support/input.h"

void iba::fuzz::read(const Input& input) {
  const auto path = input.file();
  if (imported::is_exported_archive(path)) imported::read_exported_archive(path);
}
