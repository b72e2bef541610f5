#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "io/input_file.h"

namespace iba::imported::onnx {

/// A file's bytes by their offsets. What is read byte by byte comes through a buffer.
class BufferedFile {
 public:
  explicit BufferedFile(const io::InputFile& file);

  uint64_t size() const { return file_.size(); }

  /// Throws Malformed past the file's end.
  uint8_t byte(uint64_t offset);

  /// Throws Malformed where they don't all lie inside the file.
  void read(uint64_t offset, void* to, uint64_t bytes) const { file_.read(offset, to, bytes); }

 private:
  const io::InputFile& file_;
  std::vector<uint8_t> buffer_;
  uint64_t begin_ = 0;
  uint64_t end_ = 0;
};

/// Where bytes lie in the file.
struct Range {
  uint64_t begin = 0;
  uint64_t size = 0;
};

/// How protobuf writes a value. Groups, its numbers 3 and 4, are in no ONNX file and are refused.
enum class WireType : uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

class Message;

/// A field of a message. Its value is read when it is asked for, and as what it is asked for, which must fit
/// the way it is written: each throws Malformed otherwise.
class Field {
 public:
  Field(BufferedFile& file, uint32_t number, WireType type, Range range)
      : file_(&file), number_(number), type_(type), range_(range) {}

  uint32_t number() const { return number_; }
  WireType type() const { return type_; }
  /// Where the value lies, without its length.
  const Range& range() const { return range_; }

  int64_t integer() const;
  float single() const;
  std::string bytes() const;
  /// Bytes that are UTF-8.
  std::string text() const;
  Message message() const;

  /// Calls `visit` for each integer of a repeated field: one, or a packed row of them.
  void integers(const std::function<void(int64_t)>& visit) const;
  /// Appends the floats of a repeated field.
  void singles(std::vector<double>& values) const;
  /// The bytes of a repeated field of numbers of four or eight bytes: of one, or of a packed row.
  Range numbers(WireType type) const;
  /// Where the text or the row of bytes lies.
  Range contents() const;

 private:
  void require(bool fits, const char* expected) const;

  BufferedFile* file_;
  uint32_t number_;
  WireType type_;
  Range range_;
};

/// The fields of a message in the order of the file. They lie inside of it, which is checked as each is
/// reached. A message inside of it is read only where the caller knows what it is, so that nesting is as deep
/// as the caller's code and no deeper.
class Message {
 public:
  explicit Message(BufferedFile& file) : Message(file, {0, file.size()}) {}
  Message(BufferedFile& file, Range range)
      : file_(&file), position_(range.begin), end_(range.begin + range.size) {}

  /// Absent at the end. Throws Malformed where there is no whole field.
  std::optional<Field> next();

 private:
  BufferedFile* file_;
  uint64_t position_;
  uint64_t end_;
};

}  // namespace iba::imported::onnx
