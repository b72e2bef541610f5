#include "import/onnx/wire.h"

#include <algorithm>

#include "io/utf8.h"

namespace iba::imported::onnx {

using io::Malformed;

namespace {

constexpr uint64_t kBufferBytes = 1 << 16;
constexpr int kMostVarintBytes = 10;

std::string at_byte(uint64_t offset) {
  return " at byte " + std::to_string(offset);
}

/// The number at a place, which is moved behind it. It must end before `end`.
uint64_t varint(BufferedFile& file, uint64_t& position, uint64_t end) {
  const uint64_t begin = position;
  uint64_t value = 0;
  for (int i = 0; i < kMostVarintBytes; ++i) {
    if (position >= end) throw Malformed("a number" + at_byte(begin) + " ends too early");
    const uint8_t byte = file.byte(position++);
    const bool overflows = i == kMostVarintBytes - 1 && byte > 1;
    if (overflows) break;
    value |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
    if (byte < 0x80) return value;
  }
  throw Malformed("a number" + at_byte(begin) + " has more than 64 bits");
}

}  // namespace

BufferedFile::BufferedFile(const io::InputFile& file)
    : file_(file), buffer_(std::min(file.size(), kBufferBytes)) {}

uint8_t BufferedFile::byte(uint64_t offset) {
  if (offset < begin_ || offset >= end_) {
    if (offset >= size()) throw Malformed("the file ends too early" + at_byte(offset));
    const uint64_t count = std::min<uint64_t>(buffer_.size(), size() - offset);
    file_.read(offset, buffer_.data(), count);
    begin_ = offset;
    end_ = offset + count;
  }
  return buffer_[offset - begin_];
}

void Field::require(bool fits, const char* expected) const {
  if (fits) return;
  throw Malformed("field " + std::to_string(number_) + at_byte(range_.begin) + " is of wire type " +
                  std::to_string(static_cast<int>(type_)) + ", expected " + expected);
}

int64_t Field::integer() const {
  require(type_ == WireType::varint, "an integer");
  uint64_t position = range_.begin;
  return static_cast<int64_t>(varint(*file_, position, range_.begin + range_.size));
}

float Field::single() const {
  require(type_ == WireType::fixed32, "a float");
  float value;
  file_->read(range_.begin, &value, sizeof value);
  return value;
}

Range Field::contents() const {
  require(type_ == WireType::bytes, "bytes");
  return range_;
}

std::string Field::bytes() const {
  const Range range = contents();
  std::string bytes(range.size, '\0');
  file_->read(range.begin, bytes.data(), range.size);
  return bytes;
}

std::string Field::text() const {
  std::string text = bytes();
  if (!io::is_utf8(text)) throw Malformed("the text" + at_byte(range_.begin) + " is not UTF-8");
  return text;
}

Message Field::message() const {
  return {*file_, contents()};
}

void Field::integers(const std::function<void(int64_t)>& visit) const {
  require(type_ == WireType::varint || type_ == WireType::bytes, "integers");
  const uint64_t end = range_.begin + range_.size;
  for (uint64_t position = range_.begin; position < end;) {
    visit(static_cast<int64_t>(varint(*file_, position, end)));
  }
}

Range Field::numbers(WireType type) const {
  const uint64_t width = type == WireType::fixed64 ? 8 : 4;
  const bool is_row = type_ == WireType::bytes && range_.size % width == 0;
  require(type_ == type || is_row, width == 8 ? "numbers of eight bytes" : "numbers of four bytes");
  return range_;
}

void Field::singles(std::vector<double>& values) const {
  const Range range = numbers(WireType::fixed32);
  std::vector<float> floats(range.size / sizeof(float));
  file_->read(range.begin, floats.data(), range.size);
  values.insert(values.end(), floats.begin(), floats.end());
}

std::optional<Field> Message::next() {
  if (position_ == end_) return std::nullopt;
  const uint64_t begin = position_;
  const uint64_t key = varint(*file_, position_, end_);
  constexpr uint64_t kLargestNumber = (1 << 29) - 1;
  const uint64_t number = key >> 3;
  if (number == 0 || number > kLargestNumber) {
    throw Malformed("no field can have the number " + std::to_string(number) + at_byte(begin));
  }
  const auto type = static_cast<WireType>(key & 7);
  Range range{position_, 0};
  switch (type) {
    case WireType::varint:
      varint(*file_, position_, end_);
      range.size = position_ - range.begin;
      break;
    case WireType::fixed64:
      range.size = 8;
      break;
    case WireType::fixed32:
      range.size = 4;
      break;
    case WireType::bytes:
      range.size = varint(*file_, position_, end_);
      range.begin = position_;
      break;
    default:
      throw Malformed("field " + std::to_string(number) + at_byte(begin) + " is of the unknown wire type " +
                      std::to_string(key & 7));
  }
  if (range.size > end_ - range.begin) {
    throw Malformed("field " + std::to_string(number) + at_byte(begin) + " should have " +
                    std::to_string(range.size) + " bytes, but " + std::to_string(end_ - range.begin) +
                    " are left");
  }
  position_ = range.begin + range.size;
  return Field(*file_, static_cast<uint32_t>(number), type, range);
}

}  // namespace iba::imported::onnx
