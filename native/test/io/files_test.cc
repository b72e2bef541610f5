#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "io/atomic_file.h"
#include "io/input_file.h"
#include "support/errors.h"
#include "support/files.h"

namespace iba::test {

namespace {

size_t files_in(const std::filesystem::path& folder) {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

/// Leaves what a process leaves that is killed while it writes.
void write_and_die(const std::filesystem::path& path) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    io::AtomicFile file(path);
    file.write("half", 4);
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
}

}  // namespace

TEST_CASE("a file is read within its bounds alone") {
  TemporaryFolder folder;
  io::InputFile file(folder.write("ten", "0123456789"));
  CHECK(file.size() == 10);
  std::string bytes(4, ' ');
  file.read(6, bytes.data(), 4);
  CHECK(bytes == "6789");
  file.read(10, bytes.data(), 0);
  for (auto [offset, size] :
       {std::pair<uint64_t, uint64_t>{7, 4}, {11, 0}, {~uint64_t{0}, 2}, {2, ~uint64_t{0}}}) {
    CAPTURE(offset);
    CHECK_THROWS_AS(file.read(offset, bytes.data(), size), io::Malformed);
  }
}

TEST_CASE("only regular files are opened") {
  TemporaryFolder folder;
  CHECK(contains(message_of([&] { io::InputFile(folder.path() / "absent"); }), "can't be opened"));
  CHECK(contains(message_of([&] { io::InputFile(folder.path()); }), "not a regular file"));
  auto pipe = folder.path() / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(contains(message_of([&] { io::InputFile{pipe}; }), "not a regular file"));
}

TEST_CASE("a file that shrinks while it is read gives an error") {
  TemporaryFolder folder;
  auto path = folder.write("shrinking", std::string(100, 'x'));
  io::InputFile file(path);
  std::filesystem::resize_file(path, 10);
  std::string bytes(100, ' ');
  CHECK(contains(message_of([&] { file.read(0, bytes.data(), 100); }), "became shorter"));
}

TEST_CASE("a reader stays within its part, across the ends of its buffer") {
  TemporaryFolder folder;
  std::string content;
  for (int i = 0; i < 10'000; ++i) content.push_back(static_cast<char>(i % 251));
  io::InputFile file(folder.write("long", content));
  io::ByteReader reader(file, 10, 9000, "the part");
  CHECK(reader.take(4000) == content.substr(10, 4000));
  reader.skip(90);
  CHECK(reader.number<uint8_t>() == static_cast<uint8_t>(content[4100]));
  CHECK(reader.take(4900) == content.substr(4101, 4900));
  CHECK(reader.remaining() == 9);
  for (uint64_t bytes : {uint64_t{10}, uint64_t{1} << 40, ~uint64_t{0}}) {
    CAPTURE(bytes);
    CHECK(contains(message_of([&] { reader.take(bytes); }), "the part ends too early"));
    CHECK(contains(message_of([&] { reader.skip(bytes); }), "the part ends too early"));
  }
  CHECK(reader.take(9).size() == 9);
  CHECK_THROWS_AS(reader.number<uint8_t>(), io::Malformed);
  CHECK_THROWS_AS(io::ByteReader(file, 9'999, 2, "a part beyond").take(2), io::Malformed);
}

TEST_CASE("lines end, and not too late") {
  TemporaryFolder folder;
  io::InputFile file(folder.write("lines", "one\n\n" + std::string(5000, 'x') + "\n"));
  io::ByteReader reader(file, 0, file.size(), "the text");
  CHECK(reader.line() == "one");
  CHECK(reader.line().empty());
  CHECK_THROWS_AS(reader.line(), io::Malformed);
}

TEST_CASE("a file appears when it is committed, whole, and nothing else stays") {
  TemporaryFolder folder;
  auto path = folder.write("result", "old");
  {
    io::AtomicFile file(path);
    file.write("abandoned", 9);
    CHECK(content_of(path) == "old");
  }
  CHECK(content_of(path) == "old");
  io::AtomicFile file(path);
  file.write("new ", 4);
  file.write("content", 7);
  CHECK(content_of(path) == "old");
  file.commit();
  CHECK(content_of(path) == "new content");
  CHECK(files_in(folder.path()) == 1);
  CHECK(contains(message_of([&] { io::AtomicFile(folder.path() / "absent" / "x"); }), "can't be made"));
}

TEST_CASE("writers of one file don't disturb each other") {
  TemporaryFolder folder;
  auto path = folder.path() / "result";
  std::vector<std::thread> writers;
  for (char name : {'a', 'b', 'c', 'd'}) {
    writers.emplace_back([path, name] {
      for (int round = 0; round < 20; ++round) {
        io::AtomicFile file(path);
        for (int part = 0; part < 10; ++part) file.write(std::string(100, name).data(), 100);
        file.commit();
      }
    });
  }
  for (auto& writer : writers) writer.join();
  auto content = content_of(path);
  CHECK(content == std::string(1000, content.at(0)));
  CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("what a dead writer left is removed, what a living one writes and other files are not") {
  TemporaryFolder folder;
  const auto path = folder.path() / "result";
  write_and_die(path);
  CHECK(files_in(folder.path()) == 1);
  write_and_die(path);
  CHECK(files_in(folder.path()) == 1);
  write_and_die(folder.path() / "other");
  folder.write(".result.notrandomdigits.tmp", "");
  std::filesystem::create_directory(folder.path() / ".result.0123456789abcdef.tmp");
  io::AtomicFile living(path);
  CHECK(files_in(folder.path()) == 4);
  living.write("living", 6);
  io::AtomicFile file(path);
  file.write("later", 5);
  file.commit();
  CHECK(content_of(path) == "later");
  living.commit();
  CHECK(content_of(path) == "living");
  CHECK(files_in(folder.path()) == 4);
}

TEST_CASE("a name of the greatest length is written") {
  TemporaryFolder folder;
  std::string name = "x";
  while (name.size() < 255) name += "ä";
  const auto path = folder.path() / name;
  io::AtomicFile file(path);
  file.write("long", 4);
  file.commit();
  CHECK(content_of(path) == "long");
  CHECK(files_in(folder.path()) == 1);
}

}  // namespace iba::test
