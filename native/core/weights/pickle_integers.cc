#include "weights/pickle_integers.h"

#include <charconv>
#include <cstring>

#include "io/malformed.h"

namespace iba::pickle {

Payload integer_of_bytes(std::string little_endian) {
  if (little_endian.size() > sizeof(int64_t)) return BigInt{std::move(little_endian)};
  const bool negative = !little_endian.empty() && (little_endian.back() & 0x80) != 0;
  int64_t value = negative ? -1 : 0;
  std::memcpy(&value, little_endian.data(), little_endian.size());
  return value;
}

Payload integer_of_digits(std::string digits) {
  if (digits == "00" || digits == "01") return digits == "01";
  if (digits.ends_with('L')) digits.pop_back();
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error == std::errc::result_out_of_range) return BigInt{};
  if (error != std::errc() || end != digits.data() + digits.size())
    throw io::Malformed("the pickle has an integer that is none");
  return value;
}

}  // namespace iba::pickle
