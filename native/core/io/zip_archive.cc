#include "io/zip_archive.h"

#include <algorithm>
#include <limits>
#include <string_view>

namespace iba::io {

namespace {

constexpr uint32_t kLocalHeader = 0x04034b50;
constexpr uint32_t kDirectoryEntry = 0x02014b50;
constexpr uint32_t kEnd64 = 0x06064b50;
constexpr uint32_t kEnd64Locator = 0x07064b50;
constexpr uint64_t kEndBytes = 22;
constexpr uint64_t kEnd64Bytes = 56;
constexpr uint64_t kLocatorBytes = 20;
constexpr uint64_t kEntryBytes = 46;
constexpr uint64_t kLocalHeaderBytes = 30;
constexpr uint64_t kLargestText = uint64_t{1} << 30;
constexpr uint32_t kIn64BitField = std::numeric_limits<uint32_t>::max();
constexpr uint16_t kZip64Field = 1;
constexpr uint16_t kEncrypted = 1;

struct Directory {
  uint64_t begin;
  uint64_t size;
  uint64_t count;
};

/// The end record is the last thing in the file but for a comment of up to 65535 bytes.
uint64_t find_end(const InputFile& file) {
  const uint64_t longest = kEndBytes + std::numeric_limits<uint16_t>::max();
  const uint64_t bytes = std::min(file.size(), longest);
  const uint64_t begin = file.size() - bytes;
  const std::string tail = ByteReader(file, begin, bytes, "the end of the archive").take(bytes);
  for (size_t at = tail.rfind("PK\5\6"); at != std::string::npos;
       at = at ? tail.rfind("PK\5\6", at - 1) : at - 1) {
    if (tail.size() - at < kEndBytes) continue;
    uint16_t comment;
    std::memcpy(&comment, tail.data() + at + 20, sizeof comment);
    if (at + kEndBytes + comment == tail.size()) return begin + at;
  }
  throw Malformed("the zip archive has no directory at its end: the file is cut short or damaged");
}

Directory read_end64(const InputFile& file, uint64_t begin) {
  ByteReader in(file, begin, kEnd64Bytes, "the zip64 end record");
  if (in.number<uint32_t>() != kEnd64) throw Malformed("the zip64 end record is not where it should be");
  in.skip(28);
  const auto count = in.number<uint64_t>();
  const auto size = in.number<uint64_t>();
  return {in.number<uint64_t>(), size, count};
}

Directory find_directory(const InputFile& file) {
  const uint64_t end = find_end(file);
  uint64_t limit = end;
  ByteReader in(file, end + 10, 10, "the end record");
  const uint64_t count = in.number<uint16_t>();
  const uint64_t size = in.number<uint32_t>();
  Directory directory{in.number<uint32_t>(), size, count};
  if (end >= kLocatorBytes) {
    ByteReader locator(file, end - kLocatorBytes, kLocatorBytes, "the zip64 locator");
    if (locator.number<uint32_t>() == kEnd64Locator) {
      locator.skip(4);
      limit = locator.number<uint64_t>();
      directory = read_end64(file, limit);
    }
  }
  if (directory.begin > limit || directory.size > limit - directory.begin) {
    throw Malformed("the directory of the zip archive lies outside of the file");
  }
  return directory;
}

/// The 64-bit values stand in an extra field, in this order, for those that don't fit into 32 bits.
void read_zip64_field(ByteReader& extra, uint64_t& size, uint64_t& stored, uint64_t& offset) {
  while (extra.remaining() >= 4) {
    const auto id = extra.number<uint16_t>();
    const auto bytes = extra.number<uint16_t>();
    if (id != kZip64Field) {
      extra.skip(bytes);
      continue;
    }
    for (uint64_t* value : {&size, &stored, &offset}) {
      if (*value == kIn64BitField) *value = extra.number<uint64_t>();
    }
    return;
  }
}

}  // namespace

ZipArchive::ZipArchive(const InputFile& file) : file_(file) {
  const Directory directory = find_directory(file);
  directory_begin_ = directory.begin;
  read_directory(directory.size, directory.count);
}

void ZipArchive::read_directory(uint64_t size, uint64_t count) {
  ByteReader in(file_, directory_begin_, size, "the directory of the zip archive");
  uint64_t position = directory_begin_;
  for (uint64_t i = 0; i < count; ++i) {
    if (in.number<uint32_t>() != kDirectoryEntry)
      throw Malformed("the directory of the zip archive is damaged");
    in.skip(4);
    const auto flags = in.number<uint16_t>();
    const auto method = in.number<uint16_t>();
    in.skip(8);
    uint64_t stored = in.number<uint32_t>();
    uint64_t bytes = in.number<uint32_t>();
    const auto name_bytes = in.number<uint16_t>();
    const auto extra_bytes = in.number<uint16_t>();
    const auto comment_bytes = in.number<uint16_t>();
    in.skip(8);
    uint64_t offset = in.number<uint32_t>();
    const std::string name = in.take(name_bytes);
    ByteReader extra(file_, position + kEntryBytes + name_bytes, extra_bytes, "an extra field");
    read_zip64_field(extra, bytes, stored, offset);
    in.skip(uint64_t{extra_bytes} + comment_bytes);
    position += kEntryBytes + name_bytes + extra_bytes + comment_bytes;
    const bool plain = method == 0 && stored == bytes && (flags & kEncrypted) == 0;
    if (!entries_.emplace(name, ZipEntry{offset, bytes, plain}).second) {
      throw Malformed("the zip archive holds the entry '" + name + "' twice");
    }
  }
}

ZipRange ZipArchive::range(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) throw Malformed("the zip archive has no entry '" + name + "'");
  const auto& [offset, size, plain] = found->second;
  if (!plain) {
    throw Malformed("the entry '" + name + "' is compressed or encrypted; expected a plainly stored entry");
  }
  auto outside = [&] { return Malformed("the entry '" + name + "' lies outside of the zip archive"); };
  if (offset > directory_begin_ || directory_begin_ - offset < kLocalHeaderBytes) throw outside();
  ByteReader header(file_, offset, kLocalHeaderBytes, "the header of the entry '" + name + "'");
  if (header.number<uint32_t>() != kLocalHeader) throw Malformed("the entry '" + name + "' has no header");
  header.skip(22);
  const uint64_t name_bytes = header.number<uint16_t>();
  const uint64_t begin = offset + kLocalHeaderBytes + name_bytes + header.number<uint16_t>();
  if (begin > directory_begin_ || size > directory_begin_ - begin) throw outside();
  return {begin, size};
}

ZipRange ZipArchive::range(const std::string& name, uint64_t bytes) const {
  const ZipRange found = range(name);
  if (found.size == bytes) return found;
  throw Malformed("the entry '" + name + "' has " + std::to_string(found.size) + " bytes, expected " +
                  std::to_string(bytes));
}

std::string ZipArchive::text(const std::string& name) const {
  const ZipRange found = range(name);
  if (found.size > kLargestText) throw Malformed("the entry '" + name + "' is too large");
  return ByteReader(file_, found.begin, found.size, "the entry '" + name + "'").take(found.size);
}

}  // namespace iba::io
