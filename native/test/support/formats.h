#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

/// Weight files written byte by byte, right or wrong. A pickle is the concatenation of its instructions.
namespace iba::test {

/// The lowest `size` bytes of a number, little-endian.
std::string little_endian(uint64_t value, size_t size);

// The instructions that make a value.
std::string text(const std::string& value);
std::string integer(int64_t value);
std::string global(const std::string& module, const std::string& name);
std::string tuple(const std::vector<std::string>& items);
std::string integers(const std::vector<int64_t>& values);
std::string dict(const std::vector<std::pair<std::string, std::string>>& entries);
std::string storage(int64_t count, const std::string& key = "0", const std::string& type = "FloatStorage");

/// A tensor of a storage of four elements, unless told otherwise.
struct View {
  std::string of = storage(4);
  int64_t offset = 0;
  std::vector<int64_t> shape = {2, 2};
  std::vector<int64_t> strides = {2, 1};
};
std::string tensor(const View& view = {});

/// The same instruction so many times.
std::string repeated(const std::string& instruction, size_t times);

/// A whole pickle of a value.
std::string pickle(const std::string& value);

/// The floats 1, 2, 3 and 4.
std::string four_floats();

/// What torch.save wrote before PyTorch 1.6.
struct LegacyStream {
  std::string value;
  std::vector<std::string> keys = {"0"};
  std::vector<uint64_t> counts = {4};
  std::string data = four_floats();
  bool little_endian = true;
};
std::string legacy_stream(const LegacyStream& stream);

struct ZipRecord {
  std::string name;
  std::string data;
  uint16_t method = 0;
  int64_t offset = -1;  // what the directory claims; -1: the right one
  int64_t size = -1;
  std::string extra = "";
};
struct ZipEnd {
  int64_t offset = -1;
  int64_t count = -1;
};
std::string zip(const std::vector<ZipRecord>& records, ZipEnd end = {});

/// What torch.save writes since PyTorch 1.6: the pickle of a value and the records beside it.
std::string zip_of(const std::string& value, const std::vector<ZipRecord>& records);
std::string zip_of(const std::string& value);

/// A safetensors file. `header_size` of -1 is the right one.
std::string safetensors(const std::string& header, const std::string& data = four_floats(),
                        int64_t header_size = -1);

}  // namespace iba::test
