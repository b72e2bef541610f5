#include "support/formats.h"

#include <array>

namespace iba::test {

std::string little_endian(uint64_t value, size_t size) {
  std::string bytes;
  for (size_t i = 0; i < size; ++i, value >>= 8) bytes.push_back(static_cast<char>(value & 0xFF));
  return bytes;
}

std::string text(const std::string& value) {
  return "X" + little_endian(value.size(), 4) + value;
}

std::string integer(int64_t value) {
  return "\x8a\x08" + little_endian(static_cast<uint64_t>(value), 8);
}

std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}

std::string tuple(const std::vector<std::string>& items) {
  std::string instructions = "(";
  for (const auto& item : items) instructions += item;
  return instructions + "t";
}

std::string integers(const std::vector<int64_t>& values) {
  std::vector<std::string> items;
  for (int64_t value : values) items.push_back(integer(value));
  return tuple(items);
}

std::string dict(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string instructions = "}(";
  for (const auto& [key, value] : entries) instructions += text(key) + value;
  return instructions + "u";
}

std::string storage(int64_t count, const std::string& key, const std::string& type) {
  return tuple({text("storage"), global("torch", type), text(key), text("cpu"), integer(count)}) + "Q";
}

std::string tensor(const View& view) {
  auto arguments =
      tuple({view.of, integer(view.offset), integers(view.shape), integers(view.strides), "\x89", "}"});
  return global("torch._utils", "_rebuild_tensor_v2") + arguments + "R";
}

std::string repeated(const std::string& instruction, size_t times) {
  std::string instructions;
  instructions.reserve(instruction.size() * times);
  for (size_t i = 0; i < times; ++i) instructions += instruction;
  return instructions;
}

std::string pickle(const std::string& value) {
  return "\x80\x02" + value + ".";
}

std::string four_floats() {
  std::array<float, 4> values{1, 2, 3, 4};
  return {reinterpret_cast<const char*>(values.data()), sizeof values};
}

std::string legacy_stream(const LegacyStream& stream) {
  const std::string magic("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 12);
  std::string keys = "](";
  for (const auto& key : stream.keys) keys += text(key);
  std::string bytes = pickle(magic) + pickle(integer(1001)) +
                      pickle(dict({{"little_endian", stream.little_endian ? "\x88" : "\x89"}})) +
                      pickle(stream.value) + pickle(keys + "e");
  for (uint64_t count : stream.counts) bytes += little_endian(count, 8) + stream.data;
  return bytes;
}

std::string zip(const std::vector<ZipRecord>& records, ZipEnd end) {
  std::string local, directory;
  for (const auto& [name, data, method, offset, size, extra] : records) {
    auto place = offset < 0 ? local.size() : static_cast<uint64_t>(offset);
    auto bytes = little_endian(size < 0 ? data.size() : static_cast<uint64_t>(size), 4);
    auto sizes = bytes + bytes + little_endian(name.size(), 2);
    auto kind = little_endian(method, 2);
    local += "PK\x03\x04" + little_endian(0, 4) + kind + little_endian(0, 8) + sizes + little_endian(0, 2) +
             name + data;
    directory += "PK\x01\x02" + little_endian(0, 6) + kind + little_endian(0, 8) + sizes +
                 little_endian(extra.size(), 2) + little_endian(0, 10) + little_endian(place, 4) + name +
                 extra;
  }
  auto count = little_endian(end.count < 0 ? records.size() : static_cast<uint64_t>(end.count), 2);
  auto begin = end.offset < 0 ? local.size() : static_cast<uint64_t>(end.offset);
  return local + directory + "PK\x05\x06" + little_endian(0, 4) + count + count +
         little_endian(directory.size(), 4) + little_endian(begin, 4) + little_endian(0, 2);
}

std::string zip_of(const std::string& value, const std::vector<ZipRecord>& records) {
  std::vector<ZipRecord> all{{"a/data.pkl", pickle(value)}};
  for (auto record : records) {
    record.name = "a/data/" + record.name;
    all.push_back(record);
  }
  return zip(all);
}

std::string zip_of(const std::string& value) {
  return zip_of(value, {{"0", four_floats()}});
}

std::string safetensors(const std::string& header, const std::string& data, int64_t header_size) {
  auto size = header_size < 0 ? header.size() : static_cast<uint64_t>(header_size);
  return little_endian(size, 8) + header + data;
}

}  // namespace iba::test
