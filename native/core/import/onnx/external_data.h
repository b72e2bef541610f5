#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "io/input_file.h"

namespace iba::imported::onnx {

/// Where a tensor's values lie outside of the model's file.
struct ExternalPlace {
  std::string location;  // the file, as seen from the model's folder
  uint64_t offset = 0;
  std::optional<uint64_t> length;
};

/// The files beside a model that hold values of its tensors. A name that leads out of the model's folder is
/// refused, also through a symbolic link. Where the model's file is a link itself, as in a cache that keeps
/// each content once, its files may lie where it does.
class ExternalFiles {
 public:
  explicit ExternalFiles(const std::filesystem::path& model);

  /// Where a file lies, all links followed. Throws Malformed where it isn't there or may not be read.
  std::filesystem::path find(const std::string& location) const;

  /// The file, opened. It is kept until another one is asked for.
  const io::InputFile& open(const std::string& location);

  /// The sizes of all files that were opened, together.
  uint64_t bytes() const { return bytes_; }

 private:
  std::filesystem::path folder_;
  std::filesystem::path linked_folder_;
  std::string location_;
  std::unique_ptr<io::InputFile> file_;
  std::set<std::filesystem::path> opened_;
  uint64_t bytes_ = 0;
};

}  // namespace iba::imported::onnx
