#include "io/zip_archive.h"

#include <doctest/doctest.h>

#include <limits>

#include "support/errors.h"
#include "support/files.h"
#include "support/formats.h"

namespace iba::test {

namespace {

/// The content of an entry of an archive, as a reader finds it.
std::string read_entry(const std::string& archive, const std::string& name) {
  TemporaryFolder folder;
  io::InputFile file(folder.write("archive.zip", archive));
  auto [begin, size] = io::ZipArchive(file).range(name);
  return io::ByteReader(file, begin, size, "the entry").take(size);
}

std::string zip64(uint64_t size) {
  return little_endian(1, 2) + little_endian(16, 2) + little_endian(size, 8) + little_endian(size, 8);
}

/// What claims a size that stands in its 64-bit field.
ZipRecord large(uint64_t size) {
  return {.name = "a", .data = "content", .size = 0xffffffff, .extra = zip64(size)};
}

}  // namespace

TEST_CASE("stored entries are found") {
  auto archive = zip({{"a", "first"}, {"folder/b", ""}, {"c", "third"}});
  CHECK(read_entry(archive, "a") == "first");
  CHECK(read_entry(archive, "folder/b").empty());
  CHECK(read_entry(archive, "c") == "third");
  CHECK(read_entry(zip({large(7)}), "a") == "content");
  CHECK(contains(message_of([&] { read_entry(archive, "d"); }), "has no entry 'd'"));
}

TEST_CASE("entries stay within the archive") {
  struct Case {
    ZipRecord record;
    const char* message;
  };
  for (const auto& [record, message] :
       {Case{{.name = "a", .data = "x", .offset = 0xfffffff0}, "outside of the zip"},
        Case{{.name = "a", .data = "x", .offset = 1}, "has no header"},
        Case{{.name = "a", .data = "x", .size = 1000}, "outside of the zip"},
        Case{large(std::numeric_limits<uint64_t>::max()), "outside of the zip"},
        Case{{.name = "a", .data = "x", .method = 8}, "compressed or encrypted"},
        Case{{.name = "a", .data = "x", .size = 0xffffffff, .extra = zip64(1).substr(0, 9)},
             "ends too early"}}) {
    CAPTURE(message);
    CHECK(contains(message_of([&] { read_entry(zip({record}), "a"); }), message));
  }
}

TEST_CASE("a directory must be whole") {
  ZipRecord record{"a", "x"};
  auto refusal = [](const std::string& archive) { return message_of([&] { read_entry(archive, "a"); }); };
  CHECK(contains(refusal(zip({record, record})), "'a' twice"));
  CHECK(contains(refusal(zip({record}, {.offset = 0xfffffff0})), "lies outside of the file"));
  CHECK(contains(refusal(zip({record}, {.count = 2})), "directory of the zip archive ends too early"));
  CHECK(contains(refusal(""), "no directory at its end"));
  CHECK(contains(refusal("PK"), "no directory at its end"));
  auto archive = zip({record});
  for (size_t length = 0; length < archive.size(); ++length) {
    CAPTURE(length);
    CHECK_FALSE(refusal(archive.substr(0, length)).empty());
  }
}

}  // namespace iba::test
