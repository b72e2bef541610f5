#pragma once

#include <cstdint>
#include <filesystem>

namespace iba::io {

/// A file that appears under its name only when it is complete: it is written beside its place, brought to
/// the disk and renamed. Without a commit nothing remains; what a killed process left is removed by the next
/// writer of the same file.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, uint64_t bytes);
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
  bool committed_ = false;
};

}  // namespace iba::io
