#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "io/input_file.h"

namespace iba::io {

/// Where the bytes of a stored entry lie in the file.
struct ZipRange {
  uint64_t begin;
  uint64_t size;
};

/// What the directory says of an entry.
struct ZipEntry {
  uint64_t header_offset;
  uint64_t size;
  /// Neither compressed nor encrypted.
  bool plain;
};

/// The directory of a zip archive. Only entries stored without compression can be read, as torch.save writes
/// them.
class ZipArchive {
 public:
  explicit ZipArchive(const InputFile& file);

  /// By name, in alphabetical order.
  const std::map<std::string, ZipEntry>& entries() const { return entries_; }

  bool has(const std::string& name) const { return entries_.contains(name); }

  /// Throws Malformed if there is no such entry, if it isn't plain, or if it doesn't lie before the
  /// directory.
  ZipRange range(const std::string& name) const;

  /// Likewise, of an entry that must have so many bytes.
  ZipRange range(const std::string& name, uint64_t bytes) const;

  /// An entry of at most 2^30 bytes.
  std::string text(const std::string& name) const;

 private:
  void read_directory(uint64_t size, uint64_t count);

  const InputFile& file_;
  uint64_t directory_begin_ = 0;
  std::map<std::string, ZipEntry> entries_;
};

}  // namespace iba::io
