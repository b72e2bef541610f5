#include "io/safetensors.h"

#include <doctest/doctest.h>

#include "support/errors.h"
#include "support/files.h"
#include "support/formats.h"
#include "support/tensors.h"

namespace iba::test {

namespace {

WeightFile read(const std::string& content) {
  TemporaryFolder folder;
  return io::read_safetensors(io::InputFile(folder.write("file.safetensors", content)));
}

/// The header's entry of a tensor.
std::string entry(const std::string& name, const std::string& shape, const std::string& offsets,
                  const std::string& type = "F32") {
  return "\"" + name + "\":{\"dtype\":\"" + type + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets +
         "}";
}

}  // namespace

TEST_CASE("tensors and metadata are read") {
  auto file = read(safetensors("{\"__metadata__\":{\"a\":\"1\"}," + entry("w", "[2,2]", "[0,16]") + "}"));
  CHECK(file.format == "safetensors");
  CHECK(file.metadata.at("a") == "1");
  REQUIRE(file.tensors.size() == 1);
  CHECK(file.tensors[0].first == "w");
  CHECK(at::equal(file.tensors[0].second, at::tensor({1.f, 2.f, 3.f, 4.f}).view({2, 2})));
}

TEST_CASE("a header must describe exactly what follows") {
  const auto w = entry("w", "[2,2]", "[0,16]");
  struct Case {
    std::string content;
    const char* message;
  };
  for (const auto& [content, message] : std::vector<Case>{
           {safetensors("{" + w + "}", four_floats(), std::numeric_limits<int64_t>::max()),
            "bytes, expected at most"},
           {safetensors("{" + w + "}", four_floats(), 1000), "claims 1000 bytes, expected at most"},
           {safetensors("{" + w + "}", four_floats(), 20), "not the JSON of a safetensors file"},
           {safetensors("{\"w\":" + repeated("[", 200'000)), "expected '{' at byte 5"},
           {safetensors("{" + w + "}}"), "expected the end"},
           {safetensors("{" + w + "," + w + "}"), "'w' is described twice"},
           {safetensors("{" + w + "," + entry("v", "[2,2]", "[0,16]") + "}"), "must not overlap"},
           {safetensors("{" + entry("w", "[3]", "[4,16]") + "}"), "nor leave gaps"},
           {safetensors("{" + entry("w", "[3]", "[0,12]") + "}"), "16 bytes follow"},
           {safetensors("{" + entry("w", "[5]", "[0,20]") + "}"), "lies at bytes 0 to 20"},
           {safetensors("{" + entry("w", "[2,2]", "[16,0]") + "}"), "lies at bytes 16 to 0"},
           {safetensors("{" + entry("w", "[3]", "[0,16]") + "}"), "expected 12 bytes"},
           {safetensors("{" + entry("w", "[1099511627776,1099511627776]", "[0,16]") + "}"), "more than 2^33"},
           {safetensors("{" + entry("w", "[-1]", "[0,16]") + "}"), "integer that is not negative"},
           {safetensors("{\"w\":{\"shape\":[18446744073709551616]}}"), "number below 2^63"},
           {safetensors("{" + entry("w", "[2,2]", "[0,16]", "F8") + "}"), "has the type 'F8', expected F64"},
           {safetensors("{\"w\":{\"colour\":1}}"), "unexpected field 'colour'"},
           {safetensors("{\"w\":{\"dtype\":\"F32\"}}"), "needs a dtype, a shape and two data_offsets"},
           {safetensors("{" + w + ",\"__metadata__\":{\"a\":1}}"), "expected '\"'"},
           {safetensors("{\"\\ud800\":{}}"), "surrogate pair"},
           {"", "ends too early"}}) {
    CAPTURE(message);
    CHECK(contains(message_of([&] { read(content); }), message));
  }
}

TEST_CASE("every type is written so that it is read back, aligned to its elements") {
  TemporaryFolder folder;
  NamedTensors tensors{{"flag", at::tensor({1, 0, 1}, at::kInt).to(at::kBool)},
                       {"a \"quoted\" \n \u00e9", normal("w", {2, 3})},
                       {"none", at::empty({0, 3})},
                       {"scalar", at::scalar_tensor(7)}};
  for (auto type : {at::kHalf, at::kBFloat16, at::kFloat, at::kInt, at::kLong, at::kByte})
    tensors.emplace_back(c10::toString(type), at::arange(5).to(type));
  tensors.emplace_back("transposed", normal("t", {3, 4}).t());
  auto path = folder.path() / "written.safetensors";
  write_safetensors(path, tensors, {{"layer", "features.17"}, {"\u00fc\\", "\t"}});
  auto file = io::read_safetensors(io::InputFile(path));
  CHECK(file.metadata == std::map<std::string, std::string>{{"layer", "features.17"}, {"\u00fc\\", "\t"}});
  REQUIRE(file.tensors.size() == tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    CAPTURE(tensors[i].first);
    CHECK(file.tensors[i].first == tensors[i].first);
    CHECK(file.tensors[i].second.dtype() == tensors[i].second.dtype());
    CHECK(at::equal(file.tensors[i].second, tensors[i].second));
  }
}

TEST_CASE("a failed write leaves the file as it was, and names it") {
  TemporaryFolder folder;
  auto path = folder.write("old.safetensors", "old");
  NamedTensors twice{{"a", at::zeros(1)}, {"a", at::zeros(1)}};
  CHECK(code_of([&] { write_safetensors(path, twice, {}); }) == ErrorCode::weights);
  CHECK(code_of([&] { write_safetensors(path, {{"\xff", at::zeros(1)}}, {}); }) == ErrorCode::weights);
  CHECK(code_of([&] {
          write_safetensors(path, {{"a", at::zeros(1, at::kComplexFloat)}}, {});
        }) == ErrorCode::weights);
  CHECK(contains(message_of([&] { write_safetensors(path, twice, {}); }), "old.safetensors': "));
  CHECK(content_of(path) == "old");
}

}  // namespace iba::test
