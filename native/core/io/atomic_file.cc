#include "io/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "io/malformed.h"

namespace iba::io {

namespace {

constexpr uint64_t kLargestWrite = uint64_t{1} << 30;  // macOS refuses writes of 2 GiB and more

std::filesystem::path temporary_name(const std::filesystem::path& path) {
  static std::atomic<unsigned> counter{0};
  std::filesystem::path name = path;
  name += "." + std::to_string(::getpid()) + "-" + std::to_string(counter++) + ".tmp";
  return name;
}

[[noreturn]] void fail(const std::string& what) {
  throw Malformed(what + ": " + std::strerror(errno));
}

/// A rename survives a power cut only once its folder is on the disk. Some file systems can't sync a folder,
/// and the file is in place all the same, so a failure is none of ours.
void sync_folder(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path)
    : path_(std::move(path)), temporary_(temporary_name(path_)) {
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail("the file '" + temporary_.string() + "' can't be made");
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!committed_) ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, uint64_t bytes) {
  const auto* from = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = ::write(descriptor_, from, static_cast<size_t>(std::min(bytes, kLargestWrite)));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("the file can't be written");
    from += written;
    bytes -= static_cast<uint64_t>(written);
  }
}

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) fail("the file can't be brought to the disk");
  if (::close(std::exchange(descriptor_, -1)) != 0) fail("the file can't be closed");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("the finished file can't be renamed");
  committed_ = true;
  sync_folder(path_);
}

}  // namespace iba::io
