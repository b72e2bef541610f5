#include "io/atomic_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/malformed.h"

namespace iba::io {

namespace {

constexpr uint64_t kLargestWrite = uint64_t{1} << 30;  // macOS refuses writes of 2 GiB and more
constexpr int kMostTries = 100;
constexpr size_t kRandomDigits = 16;
constexpr std::string_view kSuffix = ".tmp";

[[noreturn]] void fail(const std::string& what) {
  throw Malformed(what + ": " + std::strerror(errno));
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : ".";
}

/// What the names of a file's temporaries begin with. A long name is cut, between two characters, since names
/// are bounded.
std::string prefix_of(const std::filesystem::path& path) {
  constexpr size_t longest = 200;
  std::string name = path.filename().string();
  size_t size = std::min(name.size(), longest);
  while (size < name.size() && size > 0 && (static_cast<unsigned char>(name[size]) & 0xc0) == 0x80) --size;
  return "." + name.substr(0, size) + ".";
}

std::filesystem::path random_name(const std::filesystem::path& path) {
  std::random_device random;
  char digits[kRandomDigits + 1];
  std::snprintf(digits, sizeof digits, "%08x%08x", random(), random());
  return folder_of(path) / (prefix_of(path) + digits + std::string(kSuffix));
}

bool is_temporary_of(std::string_view prefix, std::string_view name) {
  return name.size() == prefix.size() + kRandomDigits + kSuffix.size() && name.starts_with(prefix) &&
         name.ends_with(kSuffix) &&
         name.substr(prefix.size(), kRandomDigits).find_first_not_of("0123456789abcdef") ==
             std::string_view::npos;
}

bool lock(int descriptor) {
  return ::flock(descriptor, LOCK_EX | LOCK_NB) == 0;
}

/// Removes a temporary whose writer is dead: each holds a lock on its own while it lives, and the system
/// takes it away with the process. Where a file system knows no locks, nothing can be told and nothing is
/// removed.
void remove_if_abandoned(const std::filesystem::path& temporary) {
  const int descriptor = ::open(temporary.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return;
  struct stat status {};
  const bool regular = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
  if (regular && lock(descriptor)) ::unlink(temporary.c_str());
  ::close(descriptor);
}

void remove_abandoned(const std::filesystem::path& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(folder_of(path).c_str()), ::closedir);
  if (!folder) return;
  const std::string prefix = prefix_of(path);
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(folder.get())) {
    if (is_temporary_of(prefix, entry->d_name)) names.emplace_back(entry->d_name);
  }
  for (const std::string& name : names) remove_if_abandoned(folder_of(path) / name);
}

/// Whether the file is ours: between its making and its lock, another writer may have taken it for abandoned.
bool keep(int descriptor) {
  if (!lock(descriptor)) return errno != EWOULDBLOCK;
  struct stat status {};
  return ::fstat(descriptor, &status) != 0 || status.st_nlink > 0;
}

/// A rename survives a power cut only once its folder is on the disk. Some file systems can't sync a folder,
/// and the file is in place all the same, so a failure is none of ours.
void sync_folder(const std::filesystem::path& path) {
  const int descriptor = ::open(folder_of(path).c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  remove_abandoned(path_);
  for (int tries = 1; descriptor_ < 0; ++tries) {
    temporary_ = random_name(path_);
    const int made = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (made < 0 && (errno != EEXIST || tries == kMostTries))
      fail("the file '" + temporary_.string() + "' can't be made");
    if (made < 0) continue;
    if (tries == kMostTries || keep(made)) {
      descriptor_ = made;
    } else {
      ::close(made);
    }
  }
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
  // Closed only then: without its lock the temporary would be an abandoned one to other writers.
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("the finished file can't be renamed");
  committed_ = true;
  ::close(std::exchange(descriptor_, -1));
  sync_folder(path_);
}

}  // namespace iba::io
