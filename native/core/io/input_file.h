#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <type_traits>

#include "io/malformed.h"

namespace iba::io {

/// Whether a name may be a symbolic link.
enum class Links { followed, refused };

/// A regular file opened for reading. It is read, not mapped: a file that shrinks meanwhile gives an error
/// where a mapping would kill the process.
class InputFile {
 public:
  explicit InputFile(const std::filesystem::path& path, Links links = Links::followed);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  uint64_t size() const { return size_; }

  /// Fills `to` with `bytes` bytes from `offset`; throws Malformed if they don't all lie inside the file.
  void read(uint64_t offset, void* to, uint64_t bytes) const;

 private:
  int descriptor_ = -1;
  uint64_t size_ = 0;
};

/// Reads forwards through a part of a file, through a small buffer. No read leaves that part, and nothing is
/// allocated before it is known that the part holds as much.
class ByteReader {
 public:
  /// `what` names the part in messages, as in "the pickle".
  ByteReader(const InputFile& file, uint64_t begin, uint64_t size, std::string what);

  uint64_t remaining() const { return end_ - position_; }

  void read(void* to, uint64_t bytes);
  void skip(uint64_t bytes);
  std::string take(uint64_t bytes);

  /// The text up to the next line feed, which is passed over.
  std::string line();

  /// A little-endian integer.
  template <typename T>
  T number() {
    static_assert(std::is_integral_v<T>);
    T value;
    read(&value, sizeof value);
    return value;
  }

 private:
  void require(uint64_t bytes) const;

  const InputFile& file_;
  uint64_t position_;
  uint64_t end_;
  std::string what_;
  std::array<char, 4096> buffer_;
  uint64_t buffer_begin_ = 0;
  uint64_t buffer_end_ = 0;
};

}  // namespace iba::io
