#include "weights/weight_file.h"

#include <doctest/doctest.h>

#include "support/errors.h"
#include "support/files.h"
#include "support/formats.h"
#include "weights/pickle.h"

using namespace std::string_literals;

namespace iba::test {

namespace {

WeightFile read(const std::string& content) {
  TemporaryFolder folder;
  return read_weight_file(folder.write("file.weights", content));
}

/// The elements of the only tensor of a file.
std::vector<float> values_of(const std::string& content) {
  auto file = read(content);
  REQUIRE(file.tensors.size() == 1);
  auto values = file.tensors[0].second.flatten().contiguous();
  return {values.data_ptr<float>(), values.data_ptr<float>() + values.numel()};
}

/// Why a file is refused: WEIGHTS, and a message that begins with the file's name.
std::string refusal(const std::string& content) {
  CHECK(code_of([&] { read(content); }) == ErrorCode::weights);
  auto message = message_of([&] { read(content); });
  CHECK(contains(message, "file.weights': "));
  return message;
}

std::string beside_a_tensor(const std::string& value) {
  return dict({{"w", tensor()}, {"x", value}});
}

/// Both formats of torch.save refuse a value alike.
void check_refused(const std::string& value, const std::string& message) {
  CAPTURE(message);
  CHECK(contains(refusal(zip_of(value)), message));
  CHECK(contains(refusal(legacy_stream({value})), message));
}

}  // namespace

TEST_CASE("each format is known by its content") {
  const std::vector<float> four{1, 2, 3, 4};
  const auto value = dict({{"w", tensor()}});
  CHECK(values_of(zip_of(value)) == four);
  CHECK(values_of(legacy_stream({value})) == four);
  CHECK(values_of(safetensors(R"({"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})")) == four);
  CHECK(values_of(zip_of(dict({{"state_dict", dict({{"module.w", tensor()}})}, {"epoch", integer(3)}}))) ==
        four);
}

TEST_CASE("what is no weight file is refused") {
  CHECK(contains(refusal(""), "not a weight file: expected safetensors or what torch.save writes"));
  CHECK(contains(refusal("hello, world"), "not a weight file"));
  CHECK(contains(refusal(pickle(dict({}))), "not a weight file"));
  CHECK(contains(refusal(zip_of(dict({{"epoch", integer(3)}}))), "holds no dict of tensors"));
  CHECK(contains(refusal(zip_of(tensor())), "not a dict; expected a dict of tensors"));
  CHECK(
      contains(refusal(zip_of(dict({{"w", tensor()}}) + text("w") + tensor() + "s")), "'w' is there twice"));
  CHECK(contains(refusal(zip({{"a/model.json", "{}"}})), "no data.pkl"));
  std::vector<ZipRecord> script{{"a/data.pkl", "x"}, {"a/constants.pkl", "x"}, {"a/code/a.py", "x"}};
  CHECK(contains(refusal(zip(script)), "is a TorchScript file"));
  ZipRecord record{"a/data.pkl", pickle(dict({{"w", tensor()}}))}, second{"b/data.pkl", record.data};
  CHECK(contains(refusal(zip({record, second})), "more than one data.pkl"));
}

TEST_CASE("a pickle can call nothing") {
  TemporaryFolder folder;
  const auto mark = folder.path() / "called";
  const auto system = global("posix", "system");
  const auto argument = tuple({text("touch " + mark.string())});
  for (const auto& value :
       {system + argument + "R", system + argument + "\x81", system + dict({}) + "b", system,
        text("posix") + text("system") + "\x93" + argument + "R", "]" + system + "a", tuple({system}),
        "}" + system + "Ns", system + argument + "}\x92", "(" + system + text("touch " + mark.string()) + "o",
        "(" + text("touch " + mark.string()) + "iposix\nsystem\n", system + argument + "R" + argument + "R",
        tuple({text("storage"), system, text("1"), text("cpu"), integer(4)}) + "Q"}) {
    CAPTURE(value);
    CHECK(read(zip_of(beside_a_tensor(value))).tensors.size() == 1);
  }
  CHECK(read(legacy_stream({beside_a_tensor(system + argument + "R")})).tensors.size() == 1);
  CHECK_FALSE(std::filesystem::exists(mark));
}

TEST_CASE("tensors stay within their storages") {
  constexpr int64_t huge = int64_t{1} << 62, most = std::numeric_limits<int64_t>::max();
  const char* outside = "of a storage that has 4";
  struct Case {
    View view;
    const char* message;
  };
  for (const auto& [view, message] : std::vector<Case>{
           {{.shape = {5}, .strides = {1}}, outside},
           {{.offset = 1}, outside},
           {{.offset = -1}, outside},
           {{.strides = {3, 1}}, outside},
           {{.offset = most}, outside},
           {{.offset = huge, .shape = {0}, .strides = {1}}, outside},
           {{.offset = 3, .strides = {-1, 1}}, "stride -1, which is out of range"},
           {{.strides = {most, most}}, "out of range"},
           {{.shape = {-2, -2}}, "negative size -2"},
           {{.shape = {int64_t{1} << 32, int64_t{1} << 32}}, "more than 2^33 elements"},
           {{.shape = {0, huge, huge}, .strides = {1, 1, 1}}, "more than 2^33"},
           {{.shape = {int64_t{1} << 33}, .strides = {0}}, "far more memory"},
           {{.strides = {1}}, "not as many strides"},
           {{.shape = std::vector<int64_t>(65, 1), .strides = std::vector<int64_t>(65, 1)}, "at most 64"},
           {{.of = storage(huge)}, "more than the file holds"},
           {{.of = storage(-1)}, "description of a tensor storage is damaged"}}) {
    check_refused(dict({{"w", tensor(view)}}), message);
  }
  // Behind a storage of unknown elements the stream can't be read on.
  const auto quantized = dict({{"w", tensor({.of = storage(4, "0", "QInt8Storage")})}});
  CHECK(contains(refusal(legacy_stream({quantized})), "refers to torch.QInt8Storage"));
  View expanded{.offset = 2, .shape = {3, 2}, .strides = {0, 1}};
  CHECK(values_of(zip_of(dict({{"w", tensor(expanded)}}))) == std::vector<float>{3, 4, 3, 4, 3, 4});
}

TEST_CASE("a part of a storage bounds its tensors") {
  auto in_part = [](int64_t offset, int64_t size) {
    auto part = tuple({text("storage"), global("torch", "FloatStorage"), text("0"), text("cpu"), integer(4),
                       tuple({text("view"), integer(offset), integer(size)})}) +
                "Q";
    return legacy_stream({dict({{"w", tensor({.of = part, .shape = {2}, .strides = {1}})}})});
  };
  CHECK(values_of(in_part(1, 2)) == std::vector<float>{2, 3});
  CHECK(contains(refusal(in_part(3, 2)), "view of the tensor storage '0' lies outside"));
  CHECK(contains(refusal(in_part(3, 1)), "of a storage that has 1"));
}

TEST_CASE("storages are as long as the file says") {
  const auto value = dict({{"w", tensor()}});
  const auto three = four_floats().substr(4);
  CHECK(contains(refusal(zip_of(value, {{"0", three}})), "has 12 bytes, expected 16"));
  CHECK(contains(refusal(zip_of(value, {})), "no entry 'a/data/0'"));
  auto two_lengths = dict({{"v", tensor()}, {"w", tensor({.of = storage(2)})}});
  CHECK(contains(refusal(zip_of(two_lengths)), "described in two different ways"));
  CHECK(contains(refusal(legacy_stream({.value = value, .data = three})), "ends too early"));
  CHECK(contains(refusal(legacy_stream({.value = value, .counts = {3}})), "has 3 elements, expected 4"));
  CHECK(contains(refusal(legacy_stream({.value = value, .keys = {}, .counts = {}})),
                 "has 0 of them, expected 1"));
  CHECK(contains(refusal(legacy_stream({.value = value, .keys = {"0", "0"}, .counts = {4, 4}})),
                 "or one twice"));
  CHECK(contains(refusal(legacy_stream({.value = value, .keys = {"1"}})), "not in the pickle"));
  CHECK(contains(refusal(legacy_stream({.value = value, .little_endian = false})), "big-endian"));
}

TEST_CASE("pickles that nest, loop or multiply end in an error, or soon") {
  constexpr size_t deep = 200'000;
  for (const auto& value : {repeated("]", deep) + repeated("a", deep - 1), ")" + repeated("\x85", deep),
                            "}" + repeated("K\0}"s, deep) + repeated("s", deep)}) {
    check_refused(beside_a_tensor(value), "nested more than 100 deep");
  }
  CHECK(contains(refusal(zip_of(repeated("(", deep) + repeated("]", deep))), "is not a dict"));
  for (const auto& loop : {"]q\0h\0a"s, "}q\0K\0h\0s"s, "]q\0]q\1h\0aa"s})
    check_refused(beside_a_tensor(loop), "contains itself");

  std::string doubling = "]";
  for (char i = 0; i < 90; ++i) doubling += "q"s + i + "0](h" + i + "h" + i + "e";
  CHECK(read(zip_of(beside_a_tensor(doubling))).tensors.size() == 1);

  auto pairs = "](" + repeated("NN\x86", 20'000) + "eq\0"s;
  auto copies = repeated("0" + global("collections", "OrderedDict") + "h\0\x85R"s, 5'000);
  check_refused(beside_a_tensor(pairs + copies), "far more memory");
}

TEST_CASE("broken instructions are refused") {
  for (const auto& broken :
       {"0000"s, "t"s, "h\7"s, "\x80\x09"s, "NQ"s, "\x8a\xff"s, "X\xff\xff\xff\xff"s, "\xff"s}) {
    CAPTURE(broken);
    refusal(zip_of(broken + "N"));
    refusal(legacy_stream({broken + "N"}));
  }
}

TEST_CASE("a value says what it is, and refuses to be something else") {
  TemporaryFolder folder;
  auto content =
      dict({{"flag", "\x88"}, {"count", integer(-3)}, {"name", text("x")}, {"list", tuple({"N"})}});
  auto value = read_pytorch_file(folder.write("file.weights", zip_of(content)));
  CHECK(value.find("flag")->boolean());
  CHECK(value.find("count")->integer() == -3);
  CHECK(value.find("count")->number() == -3);
  CHECK(value.find("name")->string() == "x");
  CHECK(value.find("list")->at(0).is(pickle::Kind::kNone));
  CHECK_FALSE(value.find("absent"));
  CHECK(code_of([&] { value.find("name")->integer(); }) == ErrorCode::weights);
  CHECK(code_of([&] { value.find("list")->tensor(); }) == ErrorCode::weights);
}

}  // namespace iba::test
