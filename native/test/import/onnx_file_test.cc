#include <sys/stat.h>

#include <doctest/doctest.h>

#include "import/onnx/model_file.h"
#include "import/onnx/python_list.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/formats.h"
#include "support/onnx.h"

namespace iba::test {

namespace {

namespace fs = std::filesystem;
using imported::onnx::is_onnx;
using imported::onnx::Model;
using imported::onnx::read_onnx;
using onnx::attribute;
using onnx::external;
using onnx::initializer;
using onnx::node;
using onnx::raw;

Model read(const std::string& bytes) {
  TemporaryFolder folder;
  return read_onnx(folder.write("model.onnx", bytes));
}

std::string refusal(const std::string& bytes) {
  return message_of([&] { read(bytes); });
}

std::string model_of(const std::string& name, const std::vector<int64_t>& shape, int64_t type,
                     const std::string& values) {
  return onnx::model(initializer(onnx::tensor(name, shape, type, values)));
}

/// The only tensor of a model.
Tensor tensor_of(const std::vector<int64_t>& shape, int64_t type, const std::string& values) {
  return read(model_of("w", shape, type, values)).graph.tensors.at("w");
}

std::string refused_tensor(const std::vector<int64_t>& shape, int64_t type, const std::string& values) {
  return refusal(model_of("w", shape, type, values));
}

std::string input_of(const std::string& name, const std::string& sides, int64_t type = onnx::kFloat) {
  return bytes_field(1, name) +
         bytes_field(2, bytes_field(1, integer_field(1, type) + bytes_field(2, sides)));
}

std::string side(int64_t size) {
  return bytes_field(1, integer_field(1, size));
}

std::string named_side(const std::string& name) {
  return bytes_field(1, bytes_field(2, name));
}

/// A convolution with everything that the reader looks at.
std::string whole_model() {
  const std::string weight = onnx::tensor("weight", {2, 2}, onnx::kFloat, raw(four_floats()));
  const std::string settings =
      attribute("auto_pad", 3, bytes_field(4, "VALID")) + attribute("alpha", 1, float_field(2, 0.5f)) +
      attribute("group", 2, integer_field(3, -3)) +
      attribute("scales", 6, bytes_field(7, four_floats()) + float_field(7, 5)) +
      attribute("pads", 7, bytes_field(8, varints({1, 300})) + integer_field(8, -1)) +
      attribute("names", 8, bytes_field(9, "a") + bytes_field(9, "")) +
      attribute("value", 4, bytes_field(5, onnx::tensor("", {}, onnx::kInt64, integer_field(7, 9)))) +
      attribute("values", 9, bytes_field(10, weight)) + attribute("body", 5, bytes_field(6, "anything")) +
      attribute("zero", 2, "");
  const std::string scopes =
      bytes_field(9, onnx::pair("pkg.torch.onnx.name_scopes", "['', 'layer1', 'layer1.conv', 'conv2d']")) +
      bytes_field(9, onnx::pair("pkg.torch.onnx.class_hierarchy",
                                "['Net', 'Sequential', 'Conv2d', 'aten.conv2d.default']"));
  const std::string graph =
      node("Conv", {"x", "weight", ""}, {"y"},
           bytes_field(3, "/conv") + bytes_field(7, "ai.onnx") + settings + scopes) +
      bytes_field(2, "graph") + initializer(weight) + bytes_field(11, input_of("weight", side(2) + side(2))) +
      bytes_field(11, input_of("x", named_side("batch") + side(3) + bytes_field(1, ""), onnx::kFloat16)) +
      bytes_field(12, bytes_field(1, "y"));
  const std::string function =
      bytes_field(1, "twice") + bytes_field(4, "a") + bytes_field(5, "b") + bytes_field(6, "by") +
      bytes_field(7, bytes_field(1, "a") + bytes_field(2, "b") + bytes_field(4, "Mul") +
                         bytes_field(5, bytes_field(1, "by") + bytes_field(21, "by"))) +
      bytes_field(9, integer_field(2, 18)) + bytes_field(10, "own") +
      bytes_field(11, bytes_field(1, "from") + integer_field(3, 4) + integer_field(20, 2));
  return integer_field(1, 10) + bytes_field(2, "test") + bytes_field(3, "1.0") + bytes_field(7, graph) +
         bytes_field(8, bytes_field(1, "ai.onnx") + integer_field(2, 17)) +
         bytes_field(8, bytes_field(1, "own") + integer_field(2, 1)) +
         bytes_field(14, onnx::pair("key", "value")) + bytes_field(25, function);
}

/// Reads it; whatever else than an Error comes of it fails the test.
void read_if_possible(const fs::path& path) {
  try {
    imported::onnx::external_files(path);
    if (is_onnx(path)) read_onnx(path);
  } catch (const Error&) {
  }
}

}  // namespace

TEST_CASE("an ONNX file is read whole") {
  const Model model = read(whole_model());
  CHECK(model.producer == "test 1.0");
  CHECK(model.opsets == std::map<std::string, int64_t>{{"", 17}, {"own", 1}});
  CHECK(model.metadata.at("key") == "value");
  REQUIRE(model.graph.nodes.size() == 1);
  const auto& conv = model.graph.nodes[0];
  CHECK((conv.name == "/conv" && conv.domain.empty() && conv.operation == "Conv"));
  CHECK(conv.inputs == std::vector<std::string>{"x", "weight", ""});
  CHECK(conv.outputs == std::vector<std::string>{"y"});
  CHECK(conv.scopes == std::vector<std::string>{"", "layer1", "layer1.conv"});
  CHECK(conv.classes == std::vector<std::string>{"Net", "Sequential", "Conv2d"});
  CHECK(at::equal(model.graph.tensors.at("weight"), at::tensor({1.0f, 2.0f, 3.0f, 4.0f}).view({2, 2})));
  REQUIRE(model.graph.inputs.size() == 1);
  const auto& input = model.graph.inputs[0];
  CHECK((input.name == "x" && input.type == at::kHalf));
  CHECK((*input.shape == std::vector<std::variant<int64_t, std::string>>{"batch", 3, ""}));
  CHECK((model.graph.outputs.size() == 1 && model.graph.outputs[0].name == "y"));
  CHECK(!model.graph.outputs[0].shape);
}

TEST_CASE("settings of an ONNX node have their kinds") {
  const auto attributes = read(whole_model()).graph.nodes.at(0).attributes;
  CHECK(std::get<std::string>(attributes.at("auto_pad")) == "VALID");
  CHECK(std::get<double>(attributes.at("alpha")) == 0.5);
  CHECK(std::get<int64_t>(attributes.at("group")) == -3);
  CHECK(std::get<std::vector<double>>(attributes.at("scales")) == std::vector<double>{1, 2, 3, 4, 5});
  CHECK(std::get<std::vector<int64_t>>(attributes.at("pads")) == std::vector<int64_t>{1, 300, -1});
  CHECK(std::get<std::vector<std::string>>(attributes.at("names")) == std::vector<std::string>{"a", ""});
  CHECK(std::get<Tensor>(attributes.at("value")).item<int64_t>() == 9);
  CHECK(std::get<std::vector<Tensor>>(attributes.at("values")).size() == 1);
  CHECK(std::holds_alternative<imported::onnx::Unread>(attributes.at("body")));
  CHECK(std::get<int64_t>(attributes.at("zero")) == 0);
}

TEST_CASE("functions of an ONNX file are read") {
  const Model model = read(whole_model());
  const auto& function = model.functions.at({"own", "twice"});
  CHECK((function.inputs == std::vector<std::string>{"a"} &&
         function.outputs == std::vector<std::string>{"b"}));
  CHECK(function.attributes == std::vector<std::string>{"by"});
  CHECK(std::get<int64_t>(function.defaults.at("from")) == 4);
  CHECK(function.nodes.at(0).references.at("by") == "by");
  CHECK(function.opsets.at("") == 18);
}

TEST_CASE("tensors of every type are read, from raw bytes and from single values") {
  struct Written {
    int64_t type;
    uint32_t field;
    std::vector<int64_t> values;
    std::vector<int64_t> bits;  // where they are other numbers
    size_t width;
    at::ScalarType expected;
  };
  const std::vector<Written> all = {{onnx::kUint8, 5, {0, 255}, {}, 1, at::kByte},
                                    {onnx::kInt8, 5, {-128, 127}, {}, 1, at::kChar},
                                    {onnx::kUint16, 5, {0, 65535}, {}, 2, at::kInt},
                                    {onnx::kInt16, 5, {-32768, 32767}, {}, 2, at::kShort},
                                    {onnx::kInt32, 5, {-2147483648, 2147483647}, {}, 4, at::kInt},
                                    {onnx::kInt64, 7, {INT64_MIN, INT64_MAX}, {}, 8, at::kLong},
                                    {onnx::kBool, 5, {0, 1}, {}, 1, at::kBool},
                                    {onnx::kFloat16, 5, {-2, 1}, {0xC000, 0x3C00}, 2, at::kHalf},
                                    {onnx::kBfloat16, 5, {-2, 1}, {0xC000, 0x3F80}, 2, at::kBFloat16},
                                    {onnx::kUint32, 11, {0, 4294967295}, {}, 4, at::kLong},
                                    {onnx::kUint64, 11, {0, INT64_MAX}, {}, 8, at::kLong}};
  for (const auto& written : all) {
    CAPTURE(written.type);
    const auto& stored = written.bits.empty() ? written.values : written.bits;
    const Tensor expected = at::tensor(written.values, at::kLong).to(written.expected);
    std::string bytes, single;
    for (int64_t value : stored) {
      bytes += little_endian(static_cast<uint64_t>(value), written.width);
      single += integer_field(written.field, value);
    }
    for (const auto& values : {raw(bytes), single, bytes_field(written.field, varints(stored)),
                               bytes_field(written.field, "") + single}) {
      const Tensor found = tensor_of({2}, written.type, values);
      CHECK((found.scalar_type() == written.expected));
      CHECK(at::equal(found, expected));
    }
  }
}

TEST_CASE("floats are read from raw bytes, single values and packed rows in pieces") {
  const Tensor expected = at::tensor({1.0f, 2.0f, 3.0f, 4.0f, 5.0f}).view({1, 5});
  CHECK(at::equal(tensor_of({1, 5}, onnx::kFloat, bytes_field(4, four_floats()) + float_field(4, 5)),
                  expected));
  CHECK(at::equal(tensor_of({1, 5}, onnx::kFloat,
                            float_field(4, 1) + bytes_field(4, four_floats().substr(4)) + float_field(4, 5)),
                  expected));
  const Tensor doubles = tensor_of({2}, onnx::kDouble, bytes_field(10, four_floats()));
  CHECK((doubles.scalar_type() == at::kDouble && doubles.numel() == 2));
  CHECK(tensor_of({0, 3}, onnx::kFloat, "").numel() == 0);
  CHECK(tensor_of({}, onnx::kFloat, float_field(4, 7)).item<float>() == 7);
  // Some writers leave out the sign of 32-bit integers.
  CHECK(tensor_of({1}, onnx::kInt32, bytes_field(5, varint(0xFFFFFFFF))).item<int32_t>() == -1);
  CHECK(tensor_of({2}, onnx::kBool, raw("\x02" + std::string(1, '\0'))).sum().item<int64_t>() == 1);
}

TEST_CASE("a tensor whose shape and values don't agree is refused by its name") {
  const std::string floats = raw(four_floats());
  CHECK(
      contains(refused_tensor({5}, onnx::kFloat, floats), "'w' of the shape (5) needs 20 bytes, but has 16"));
  CHECK(contains(refused_tensor({2, 3}, onnx::kFloat, bytes_field(4, four_floats())), "needs 24 bytes"));
  for (const std::vector<int64_t>& shape : {std::vector<int64_t>{-1},
                                            {int64_t{1} << 62, 4},
                                            {int64_t{1} << 32, int64_t{1} << 32},
                                            {int64_t{1} << 40, 0},
                                            std::vector<int64_t>(65, 1),
                                            {3},
                                            {}}) {
    CHECK(code_of([&] { tensor_of(shape, onnx::kFloat, floats); }) == ErrorCode::weights);
    CHECK(code_of([&] { tensor_of(shape, onnx::kInt64, integer_field(7, 1) + integer_field(7, 1)); }) ==
          ErrorCode::weights);
  }
  CHECK(
      contains(refused_tensor({1}, onnx::kInt8, integer_field(5, 128)), "128, which is outside of its type"));
  CHECK(contains(refused_tensor({1}, onnx::kUint8, integer_field(5, -1)), "outside of its type"));
  CHECK(contains(refused_tensor({1}, onnx::kUint64, integer_field(11, -1)), "2^63"));
  CHECK(contains(refused_tensor({1}, onnx::kFloat, bytes_field(3, "") + floats), "segments"));
  CHECK(contains(refused_tensor({1}, onnx::kFloat, integer_field(4, 1)), "wire type 0"));
}

TEST_CASE("types that can't be read are called by their names") {
  CHECK(contains(refused_tensor({1}, onnx::kString, bytes_field(6, "a")),
                 "'w' of the ONNX model is of the type string"));
  CHECK(contains(refused_tensor({1}, onnx::kFloat8, raw("a")), "float8e4m3fn"));
  CHECK(contains(refused_tensor({1}, onnx::kInt4, raw("a")), "int4"));
  CHECK(contains(refused_tensor({1}, 99, raw("a")), "number 99"));
  CHECK(code_of([] { tensor_of({1}, onnx::kInt4, raw("a")); }) == ErrorCode::model);
  CHECK(contains(refusal(onnx::model(bytes_field(15, ""))), "sparse"));
}

TEST_CASE("what protobuf can't be is refused") {
  const std::string begin = integer_field(1, 8) + bytes_field(2, "test");
  const std::string overlong(11, '\x80');
  struct Broken {
    std::string bytes;
    std::string message;
  };
  for (const Broken& broken : std::vector<Broken>{
           {begin + "\x3b\x3c", "wire type 3"},                             // a group
           {begin + "\x3e", "wire type 6"},                                 // no type at all
           {begin + std::string("\x02\x00", 2), "the number 0"},            // no field
           {begin + "\x3a" + overlong, "more than 64 bits"},                // a length that goes on
           {begin + "\x3a" + varint(UINT64_MAX), "bytes, but 0 are left"},  // one that overflows
           {begin + "\x3a\x05" + "abc", "5 bytes, but 3 are left"},         // one too long
           {begin + "\x3a", "ends too early"},                              // none
           {begin + integer_field(7, 1), "expected bytes"},                 // a graph that is a number
           {begin, "no graph"},
           {onnx::model("") + bytes_field(7, ""), "twice"},
           {onnx::model(node("Relu", {"\xff"}, {"y"})), "UTF-8"},
           {onnx::model(initializer(integer_field(2, 1))), "no name"}}) {
    CHECK_MESSAGE(contains(refusal(broken.bytes), broken.message), refusal(broken.bytes));
    CHECK(code_of([&] { read(broken.bytes); }) == ErrorCode::weights);
  }
  CHECK(code_of([] { read(integer_field(1, 2) + bytes_field(7, "")); }) == ErrorCode::model);
}

TEST_CASE("names that are there twice are refused") {
  const std::string tensor = initializer(onnx::tensor("w", {4}, onnx::kFloat, raw(four_floats())));
  const std::string setting = attribute("axis", 2, integer_field(3, 1));
  const std::string function = bytes_field(25, bytes_field(1, "f"));
  const std::string twice = bytes_field(5, onnx::tensor("", {0}, onnx::kFloat, ""));
  for (const auto& bytes :
       {onnx::model(tensor + tensor), onnx::model(node("Relu", {}, {}, setting + setting)),
        onnx::model("") + function + function,
        onnx::model(node("Constant", {}, {}, attribute("value", 4, twice + twice)))})
    CHECK_MESSAGE(contains(refusal(bytes), "twice"), refusal(bytes));
}

TEST_CASE("the parts of an ONNX file are counted") {
  CHECK(contains(refusal(onnx::model(repeated(bytes_field(1, ""), 500'001))), "more than 500000"));
  CHECK(contains(refusal(onnx::model(bytes_field(1, repeated(bytes_field(1, ""), 500'000)))),
                 "more than 500000"));
  CHECK(
      contains(refusal(onnx::model(bytes_field(11, input_of("x", repeated(side(1), 65))))), "64 dimensions"));
}

TEST_CASE("an ONNX file cut off or changed anywhere gives an error or a model") {
  const std::string whole = whole_model();
  TemporaryFolder folder;
  for (size_t size = 0; size < whole.size(); ++size) {
    read_if_possible(folder.write("model.onnx", whole.substr(0, size)));
  }
  for (size_t at = 0; at < whole.size(); ++at) {
    for (int change : {0x01, 0x7F, 0x80}) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ change);
      read_if_possible(folder.write("model.onnx", changed));
    }
  }
  // Up to the graph's end, a piece of the file is no model.
  CHECK(code_of([&] { read(whole.substr(0, whole.size() / 2)); }) == ErrorCode::weights);
}

TEST_CASE("an ONNX file is known by its content") {
  TemporaryFolder folder;
  auto is = [&](const std::string& content) { return is_onnx(folder.write("model.pt", content)); };
  const std::string producer = integer_field(1, 7) + bytes_field(2, "pytorch");
  CHECK(is(whole_model()));
  CHECK(is(integer_field(1, 8) + bytes_field(7, "")));
  CHECK(is(bytes_field(7, "") + integer_field(1, 8)));
  CHECK(is(producer));
  CHECK(is(producer + "\x3a\xff\xff"));  // cut off in its graph
  for (const auto& other :
       {std::string(), std::string("\x08"), bytes_field(7, ""), integer_field(1, 200) + bytes_field(7, ""),
        integer_field(1, 4) + bytes_field(2, bytes_field(1, "input")) + bytes_field(500, ""),  // Core ML
        integer_field(1, 1) + bytes_field(2, bytes_field(1, bytes_field(4, "serve"))),         // SavedModel
        bytes_field(1, bytes_field(1, "input") + bytes_field(2, "Placeholder")),  // a frozen graph
        bytes_field(1, "VGG") + integer_field(2, 1),                              // Caffe
        std::string("\x1c\0\0\0TFL3", 8), std::string("\x18\0\0\0ORTM", 8), safetensors("{}"),
        safetensors("{}" + std::string(6, ' ')), zip_of(text("a")), pickle(text("a")),
        std::string("\x89HDF\r\n\x1a\n"), std::string("\xff\xd8\xff\xe0"), std::string("hello"),
        integer_field(1, 3) + integer_field(2, 1) + raw("abcd")})  // a tensor alone
    CHECK_FALSE_MESSAGE(is(other), other);
  CHECK(code_of([&] { is_onnx(folder.path()); }) == ErrorCode::weights);
}

namespace {

/// A model in a folder, one tensor of which lies in another file.
class Beside {
 public:
  TemporaryFolder folder;

  Beside() { folder.write("data", "....." + four_floats()); }

  Tensor read(const std::string& place, const std::vector<int64_t>& shape = {4}) const {
    return read_onnx(folder.write("model.onnx", model_of("w", shape, onnx::kFloat, place)))
        .graph.tensors.at("w");
  }

  std::string refusal(const std::string& place) const {
    CHECK(code_of([&] { read(place); }) == ErrorCode::weights);
    return message_of([&] { read(place); });
  }
};

}  // namespace

TEST_CASE("tensors of an ONNX model may lie beside it") {
  const Beside beside;
  const Tensor expected = at::tensor({1.0f, 2.0f, 3.0f, 4.0f});
  CHECK(at::equal(beside.read(external("data", "5", "16")), expected));
  CHECK(at::equal(beside.read(external("./data", "5")), expected));
  CHECK(at::equal(beside.read(external("data", "9"), {3}), expected.slice(0, 1)));
  fs::create_directory(beside.folder.path() / "deep");
  fs::create_symlink("../data", beside.folder.path() / "deep" / "link");
  CHECK(at::equal(beside.read(external("deep/link", "5")), expected));
  CHECK(beside.read(external("data", "21", "0"), {0}).numel() == 0);
}

TEST_CASE("external data that is cut off is told with what is missing") {
  const Beside beside;
  CHECK(contains(beside.refusal(external("data", "6", "16")),
                 "'data' ends too early: the tensor 'w' needs 16 bytes from byte 6 on, but the file has 21"));
  CHECK(contains(beside.refusal(external("data", "18446744073709551615")), "ends too early"));
  CHECK(contains(beside.refusal(external("data", "5", "12")), "needs 16 bytes, but has 12"));
  for (const auto& offset : {"-1", "0x5", "18446744073709551616", "5 ", "five"})
    CHECK(contains(beside.refusal(external("data", offset)), "expected a number of bytes"));
  CHECK(contains(beside.refusal(external("gone")), "can't be found"));
}

TEST_CASE("external data stays in the model's folder") {
  const Beside beside;
  TemporaryFolder other;
  const auto outside = other.write("data", four_floats());
  for (const auto& location :
       {std::string(), outside.string(), std::string("../data"), std::string("a/../../data"),
        std::string("\\data"), std::string("C:data"), std::string("..\\data"), std::string("data\0", 5)})
    CHECK(contains(beside.refusal(external(location)), "have to lie in the model's folder"));
  fs::create_symlink(outside, beside.folder.path() / "link");
  fs::create_symlink(other.path(), beside.folder.path() / "links");
  for (const auto& location : {"link", "links/data"})
    CHECK(contains(beside.refusal(external(location)), "leads out of the model's folder"));
  fs::create_symlink("loop", beside.folder.path() / "loop");
  CHECK(contains(beside.refusal(external("loop")), "can't be found"));
  REQUIRE(::mkfifo((beside.folder.path() / "pipe").c_str(), 0600) == 0);
  fs::create_directory(beside.folder.path() / "folder");
  for (const auto& location : {"pipe", "folder", "."})
    CHECK(contains(beside.refusal(external(location)), "not a regular file"));
}

TEST_CASE("a cache may hold the model and its external data behind links") {
  TemporaryFolder cache;
  fs::create_directories(cache.path() / "contents");
  fs::create_directories(cache.path() / "named");
  cache.write("contents/1", model_of("w", {4}, onnx::kFloat, external("model.onnx.data")));
  cache.write("contents/2", four_floats());
  fs::create_symlink("../contents/1", cache.path() / "named" / "model.onnx");
  fs::create_symlink("../contents/2", cache.path() / "named" / "model.onnx.data");
  CHECK(read_onnx(cache.path() / "named" / "model.onnx").graph.tensors.at("w").numel() == 4);
}

TEST_CASE("tensors can't outgrow the external data that they share") {
  TemporaryFolder folder;
  folder.write("data", std::string(1 << 20, '\0'));
  auto shared = [&](int count) {
    std::string graph;
    for (int i = 0; i < count; ++i)
      graph += initializer(onnx::tensor("w" + std::to_string(i), {1 << 20}, onnx::kUint8, external("data")));
    return folder.write("model.onnx", onnx::model(graph));
  };
  CHECK(read_onnx(shared(72)).graph.tensors.size() == 72);
  CHECK(contains(message_of([&] { read_onnx(shared(73)); }), "8 times the size"));
}

TEST_CASE("the files beside a model are listed without being read") {
  TemporaryFolder folder;
  auto in = [](const std::string& name, const std::string& location) {
    return onnx::tensor(name, {1 << 20}, onnx::kFloat, external(location));
  };
  const auto path = folder.write(
      "model.onnx",
      onnx::model(initializer(in("a", "data")) + initializer(in("b", "data")) +
                  node("Constant", {}, {"c"}, attribute("value", 4, bytes_field(5, in("", "more"))))));
  CHECK(code_of([&] { imported::onnx::external_files(path); }) == ErrorCode::weights);
  folder.write("data", "");
  folder.write("more", "");
  CHECK(imported::onnx::external_files(path) == std::vector<std::string>{"data", "more"});
  CHECK(imported::onnx::external_files(folder.write("text.pt", "hello")).empty());
}

TEST_CASE("lists of texts as Python prints them") {
  using imported::onnx::python_texts;
  CHECK(python_texts("['', 'layer1.0', \"it's\", 'a\\\\b\\'']") ==
        std::vector<std::string>{"", "layer1.0", "it's", "a\\b'"});
  for (const auto& other : {"", "[", "[]", "['a'", "['a", "['a',]", "['a' 'b']", "['a']]", "[a]", "['\\x41']",
                            "('a',)", "['a', 1]", "['\\"})
    CHECK(python_texts(other).empty());
  CHECK(python_texts("[" + repeated("'a', ", 99) + "'a']").size() == 100);
  CHECK(python_texts("[" + repeated("'a', ", 100) + "'a']").empty());
}

}  // namespace iba::test
