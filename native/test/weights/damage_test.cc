#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <random>

#include "support/errors.h"
#include "support/files.h"
#include "support/formats.h"
#include "weights/weight_file.h"

namespace iba::test {

namespace {

/// The files of every format that PyTorch and safetensors wrote for the tests.
std::vector<std::string> written_files() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(FIXTURES "/weights")) {
    if (entry.path().extension() != ".json") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> contents;
  for (const auto& path : paths) contents.push_back(content_of(path));
  return contents;
}

/// The most memory that the process has used so far, in MiB.
long peak_memory() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
#ifdef __APPLE__
  return usage.ru_maxrss >> 20;
#else
  return usage.ru_maxrss >> 10;
#endif
}

/// Whether a file is read; WEIGHTS is thrown otherwise, and nothing else.
bool is_read(const TemporaryFolder& folder, const std::string& content) {
  auto path = folder.write("damaged.weights", content);
  try {
    read_weight_file(path);
    return true;
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::weights);
    return false;
  }
}

class Damage {
 public:
  explicit Damage(uint32_t seed) : random_(seed) {}

  /// The content with one thing wrong; a part of another file may stand in it.
  std::string apply(std::string content, const std::string& other) {
    size_t at = below(content.size());
    switch (below(5)) {
      case 0:
        content[at] = static_cast<char>(content[at] ^ (1 << below(8)));
        return content;
      case 1:
        return content.substr(0, at);
      case 2:
        return content.substr(0, at) + other.substr(below(other.size()));
      case 3:
        return overwritten(content, at, other.substr(below(other.size()), below(64)));
      default:
        return overwritten(content, at, little_endian(kExtremes[below(kExtremes.size())], 1u << below(4)));
    }
  }

  size_t below(size_t limit) { return random_() % limit; }

 private:
  static std::string overwritten(std::string content, size_t at, const std::string& part) {
    return content.replace(at, std::min(part.size(), content.size() - at),
                           part.substr(0, content.size() - at));
  }

  static constexpr std::array<uint64_t, 9> kExtremes{0,
                                                     1,
                                                     ~uint64_t{0},
                                                     0x7fffffff,
                                                     0x80000000,
                                                     uint64_t{1} << 32,
                                                     uint64_t{1} << 62,
                                                     ~uint64_t{0} >> 1,
                                                     uint64_t{1} << 63};
  std::mt19937 random_;
};

}  // namespace

TEST_CASE("a file that was cut short is refused wherever it was cut") {
  TemporaryFolder folder;
  for (const auto& content : written_files()) {
    REQUIRE(is_read(folder, content));
    for (size_t length = 0; length < content.size(); length += length < 64 ? 1 : 13) {
      CAPTURE(length);
      CHECK_FALSE(is_read(folder, content.substr(0, length)));
    }
  }
}

TEST_CASE("thousands of damaged files are read or refused, in bounded memory") {
  TemporaryFolder folder;
  const auto contents = written_files();
  Damage damage(20'260);
  const auto memory_before = peak_memory();
  int refused = 0;
  for (int i = 0; i < 4000; ++i) {
    std::string content = contents[static_cast<size_t>(i) % contents.size()];
    for (size_t steps = 1 + damage.below(3); steps > 0 && !content.empty(); --steps)
      content = damage.apply(content, contents[damage.below(contents.size())]);
    if (!is_read(folder, content)) ++refused;
  }
  CHECK(refused > 1000);
  CHECK(refused < 4000);
  CHECK(peak_memory() - memory_before < 512);
}

}  // namespace iba::test
