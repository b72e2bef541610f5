#include "io/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <utility>

namespace iba::io {

static_assert(std::endian::native == std::endian::little, "weight files are read as they lie in memory");

namespace {

constexpr uint64_t kLongestLine = 1024;
constexpr uint64_t kLargestRead = uint64_t{1} << 30;  // macOS refuses reads of 2 GiB and more

[[noreturn]] void fail_with_errno(const std::string& what) {
  throw Malformed(what + ": " + std::strerror(errno));
}

}  // namespace

InputFile::InputFile(const std::filesystem::path& path, Links links) {
  // Not blocking, or the opening of a named pipe would wait for a writer.
  const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (links == Links::refused ? O_NOFOLLOW : 0);
  descriptor_ = ::open(path.c_str(), flags);
  if (descriptor_ < 0) fail_with_errno("the file can't be opened");
  struct stat status;
  const bool regular = ::fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode);
  if (!regular) {
    ::close(descriptor_);
    throw Malformed("this is not a regular file");
  }
  size_ = static_cast<uint64_t>(status.st_size);
}

InputFile::~InputFile() {
  ::close(descriptor_);
}

void InputFile::read(uint64_t offset, void* to, uint64_t bytes) const {
  if (offset > size_ || bytes > size_ - offset) {
    throw Malformed("the file ends too early: " + std::to_string(bytes) + " bytes expected at offset " +
                    std::to_string(offset) + ", but the file has " + std::to_string(size_) + " bytes");
  }
  auto* out = static_cast<char*>(to);
  while (bytes > 0) {
    const ssize_t got = ::pread(descriptor_, out, static_cast<size_t>(std::min(bytes, kLargestRead)),
                                static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_with_errno("the file can't be read");
    if (got == 0) throw Malformed("the file became shorter while it was read");
    out += got;
    offset += static_cast<uint64_t>(got);
    bytes -= static_cast<uint64_t>(got);
  }
}

ByteReader::ByteReader(const InputFile& file, uint64_t begin, uint64_t size, std::string what)
    : file_(file), position_(begin), end_(begin + size), what_(std::move(what)) {
  if (begin > file.size() || size > file.size() - begin) {
    throw Malformed(what_ + " lies outside of the file");
  }
}

void ByteReader::require(uint64_t bytes) const {
  if (bytes <= remaining()) return;
  throw Malformed(what_ + " ends too early: " + std::to_string(bytes) + " more bytes expected at offset " +
                  std::to_string(position_) + ", " + std::to_string(remaining()) + " left");
}

void ByteReader::read(void* to, uint64_t bytes) {
  require(bytes);
  auto* out = static_cast<char*>(to);
  while (bytes > 0) {
    if (position_ < buffer_begin_ || position_ >= buffer_end_) {
      if (bytes >= buffer_.size()) {
        file_.read(position_, out, bytes);
        position_ += bytes;
        return;
      }
      buffer_begin_ = position_;
      buffer_end_ = position_ + std::min<uint64_t>(buffer_.size(), remaining());
      file_.read(buffer_begin_, buffer_.data(), buffer_end_ - buffer_begin_);
    }
    const uint64_t count = std::min(bytes, buffer_end_ - position_);
    std::memcpy(out, buffer_.data() + (position_ - buffer_begin_), count);
    out += count;
    position_ += count;
    bytes -= count;
  }
}

void ByteReader::skip(uint64_t bytes) {
  require(bytes);
  position_ += bytes;
}

std::string ByteReader::take(uint64_t bytes) {
  require(bytes);
  std::string text(bytes, '\0');
  read(text.data(), bytes);
  return text;
}

std::string ByteReader::line() {
  std::string text;
  for (char next = number<char>(); next != '\n'; next = number<char>()) {
    if (text.size() == kLongestLine) throw Malformed(what_ + " holds a name longer than 1024 characters");
    text.push_back(next);
  }
  return text;
}

}  // namespace iba::io
