#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "io/json_value.h"
#include "network/operation.h"

namespace iba::imported {

/// What torch.export.save wrote: the program as JSON, and its tensors by their names.
struct ExportedArchive {
  io::JsonValue program;
  std::map<std::string, Tensor> tensors;
};

/// Whether the file is such an archive.
bool is_exported_archive(const std::filesystem::path& path);

/// Reads the file, whose every number is checked: nothing in it is executed. Throws WEIGHTS for a broken
/// file, and MODEL for another version's.
ExportedArchive read_exported_archive(const std::filesystem::path& path);

/// The type that the format writes as this number.
at::ScalarType exported_scalar_type(int64_t number);

}  // namespace iba::imported
