#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// Protobuf written byte by byte, right or wrong: a message is the concatenation of its fields.
namespace iba::test {

/// An integer as the format writes it.
std::string varint(uint64_t value);

/// A packed row of integers, without its field.
std::string varints(const std::vector<int64_t>& values);

std::string integer_field(uint32_t number, int64_t value);
std::string float_field(uint32_t number, float value);
std::string bytes_field(uint32_t number, const std::string& bytes);

}  // namespace iba::test
