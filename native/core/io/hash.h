#pragma once

#include <cstdint>
#include <string_view>

namespace iba::io {

/// CRC-32 as zip, PNG and zlib compute it.
uint32_t crc32(std::string_view bytes);

/// A 64-bit hash of a sequence of words. Not a cryptographic one.
class Hash64 {
 public:
  void add(uint64_t word) {
    value_ = (value_ ^ word) * 0x9e3779b97f4a7c15;
    value_ ^= value_ >> 29;
  }
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0xcbf29ce484222325;
};

}  // namespace iba::io
