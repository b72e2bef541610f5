#include "support/protobuf.h"

#include <cstring>

#include "support/formats.h"

namespace iba::test {

std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<char>(value | 0x80));
  bytes.push_back(static_cast<char>(value));
  return bytes;
}

std::string varints(const std::vector<int64_t>& values) {
  std::string row;
  for (int64_t value : values) row += varint(static_cast<uint64_t>(value));
  return row;
}

std::string integer_field(uint32_t number, int64_t value) {
  return varint(number << 3) + varint(static_cast<uint64_t>(value));
}

std::string float_field(uint32_t number, float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return varint(number << 3 | 5) + little_endian(bits, 4);
}

std::string bytes_field(uint32_t number, const std::string& bytes) {
  return varint(number << 3 | 2) + varint(bytes.size()) + bytes;
}

}  // namespace iba::test
