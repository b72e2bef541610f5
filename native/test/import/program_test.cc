#include <doctest/doctest.h>

#include "import/allowed_operators.h"
#include "import/native_operator.h"
#include "import/program_text.h"
#include "network/interpreter.h"
#include "runtime/allocation_limit.h"
#include "support/errors.h"
#include "support/tensors.h"

namespace iba::test {

namespace {

Tensor images() {
  return normal("images", {2, 3, 8, 8}).to(at::kFloat);
}

/// What the nodes make of the images.
Tensor run(const std::vector<std::string>& nodes) {
  imported::Recorder recorder(images(), {});
  return program(nodes).run(recorder)->value.toTensor();
}

/// What the network that was recorded makes of them.
Tensor run_recorded(const std::vector<std::string>& nodes) {
  imported::Recorder recorder(images(), {});
  auto output = program(nodes).run(recorder);
  return logits(recorder.finish(output), images());
}

/// Checks that a program ends with MODEL, and that the message names `part`.
void check_refused(const std::vector<std::string>& nodes, const std::string& part) {
  CAPTURE(joined(nodes));
  CHECK(code_of([&] { run(nodes); }) == ErrorCode::model);
  CHECK_MESSAGE(contains(message_of([&] { run(nodes); }), part), message_of([&] { run(nodes); }));
}

const std::string kImages = tensor("x");

std::string ones(const std::string& size, const std::string& name) {
  return node("aten.ones.default", {{"size", integers_argument(size)}}, name);
}

}  // namespace

TEST_CASE("operators that reach other memory, files or the process are refused before anything runs") {
  for (const char* target : {"aten.as_strided.default",
                             "aten.as_strided_.default",
                             "aten._reshape_alias.default",
                             "aten.set_.source_Tensor_storage_offset",
                             "aten.set_data.default",
                             "aten.resize_.default",
                             "aten.resize_as_.default",
                             "aten.empty_strided.default",
                             "aten.new_empty_strided.default",
                             "aten.from_file.default",
                             "aten.save.default",
                             "aten._print.default",
                             "aten.manual_seed.default",
                             "aten._index_put_impl_.default",
                             "aten._unsafe_index.Tensor",
                             "aten._unsafe_index_put.default",
                             "aten._unsafe_masked_index.default",
                             "aten._sparse_coo_tensor_unsafe.default",
                             "aten.sparse_coo_tensor.indices_size",
                             "aten.to_sparse.default",
                             "aten.quantize_per_tensor.default",
                             "aten._fft_c2r.default",
                             "aten._weight_norm_interface.default",
                             "aten.lu_solve.default",
                             "aten.linalg_ldl_solve.default",
                             "aten.max_pool2d_with_indices_backward.default",
                             "aten._embedding_bag.default",
                             "aten._pack_padded_sequence.default",
                             "aten.mkldnn_convolution.default",
                             "aten._copy_from.default",
                             "aten.record_stream.default",
                             "aten.pin_memory.default",
                             "inductor._reinterpret_tensor.default",
                             "inductor._alloc_from_pool.default",
                             "inductor.resize_storage_bytes_.default",
                             "prims.as_strided.default",
                             "mkldnn.data_ptr.default",
                             "c10d.send.default",
                             "symm_mem.memset32_.default",
                             "quantized.add.default",
                             "higher_order.cond",
                             "mine.own.default",
                             "profiler._record_function_enter.default"}) {
    const std::string call = node(target, {{"self", kImages}}, "y");
    // The node before it would fail if it ran.
    const std::string failing = node("aten.relu.default", {}, "z");
    CAPTURE(target);
    CHECK(code_of([&] { program({failing, call}); }) == ErrorCode::model);
    CHECK(contains(message_of([&] { program({failing, call}); }), "is called, which isn't among those"));
  }
}

TEST_CASE("an operator inside of an inner graph is checked as any other") {
  const std::string graph = R"({"as_graph":{"name":"g","graph":{"inputs":[)" + tensor("a") +
                            R"(],"outputs":[)" + tensor("b") + R"(],"nodes":[)";
  auto outer = [&](const std::string& inner) {
    return R"({"target":"torch.ops.higher_order.wrap_with_set_grad_enabled","inputs":[)"
           R"({"name":"","kind":1,"arg":{"as_bool":false}},{"name":"","kind":1,"arg":)" +
           graph + inner + R"(]}}}},{"name":"","kind":1,"arg":)" + kImages + R"(}],"outputs":[)" +
           tensor("y") + "]}";
  };
  CHECK(at::equal(run({outer(node("aten.neg.default", {{"self", tensor("a")}}, "b"))}), -images()));
  check_refused({outer(node("aten.as_strided.default", {{"self", tensor("a")}}, "b"))}, "aten::as_strided");
  // Names of the outer graph mean nothing inside.
  CHECK(contains(message_of([&] {
                   run({outer(node("aten.neg.default", {{"self", kImages}}, "b"))});
                 }),
                 "reads 'x' before it is made"));
}

TEST_CASE("an in-place form is allowed where the form that makes a new tensor is") {
  CHECK(imported::is_allowed_operator("aten::add_"));
  CHECK(imported::is_allowed_operator("aten::__getitem__"));
  CHECK_FALSE(imported::is_allowed_operator("aten::set_"));
  CHECK_FALSE(imported::is_allowed_operator("aten::add__"));
  CHECK_FALSE(imported::is_allowed_operator("add"));
  CHECK_FALSE(imported::is_allowed_operator(""));
}

TEST_CASE("arguments are checked against the schema: count, kind, presence") {
  check_refused({node("aten.relu.default", {}, "y")}, "is given None as 'self', expected Tensor");
  check_refused({node("aten.relu.default", {{"self", kImages}, {"more", kImages}}, "y")}, "too many");
  check_refused({node("aten.relu.default", {{"self", integer_argument(3)}}, "y")}, "given Int as 'self'");
  check_refused({node("aten.cat.default", {{"tensors", kImages}}, "y")}, "given Tensor as 'tensors'");
  check_refused({node("aten.cat.default", {{"tensors", integers_argument("[1]")}}, "y")}, "a list");
  check_refused({node("aten.softmax.int", {{"self", kImages}, {"dim", text_argument("1")}}, "y")},
                "given String as 'dim', expected int");
  check_refused({node("aten.flatten.using_ints", {{"self", kImages}, {"start_dim", real_argument(1)}}, "y")},
                "given Double as 'start_dim'");
  check_refused({node("aten.permute.default", {{"self", kImages}, {"dims", R"({"as_floats":[0.0]})"}}, "y")},
                "a list as 'dims'");
  check_refused({node("aten.add.Tensor", {{"self", kImages}, {"other", text_argument("1")}}, "y")}, "other");
  check_refused({node("aten.dropout.default", {{"input", kImages}}, "y")}, "'p'");
  CHECK(contains(message_of([] {
                   run({R"({"target":"torch.ops.aten.chunk.default","inputs":[{"name":"self",)"
                        R"("kind":1,"arg":{"as_tensor":{"name":"x"}}},{"name":"chunks","kind":1,)"
                        R"("arg":{"as_int":1}}],"outputs":[{"as_tensors":[{"name":"y"},)"
                        R"({"name":"z"}]}]})"});
                 }),
                 "expects more than a node makes"));
}

TEST_CASE("numbers are converted as Python does") {
  CHECK(at::equal(
      run({node("aten.dropout.default",
                {{"input", kImages}, {"p", integer_argument(0)}, {"train", bool_argument(false)}}, "y")}),
      images()));
  CHECK(at::equal(run({node("aten.softmax.int", {{"self", kImages}, {"dim", bool_argument(true)}}, "y")}),
                  images().softmax(1)));
  CHECK(at::equal(
      run({node("aten.max_pool2d.default", {{"self", kImages}, {"kernel_size", integer_argument(2)}}, "y")}),
      at::max_pool2d(images(), 2)));
}

TEST_CASE("division rounds as it is told to, for numbers, tensors and in place") {
  for (const char* mode : {"floor", "trunc"}) {
    const Tensor expected = at::div(images(), 0.5, mode);
    auto divide = [&](const std::string& target, const std::string& divisor) {
      return std::vector<std::string>{
          node("aten.full.default", {{"size", integers_argument("[]")}, {"fill_value", real_argument(0.5)}},
               "half"),
          node("aten.clone.default", {{"self", kImages}}, "c"),
          node(target, {{"self", tensor("c")}, {"other", divisor}, {"rounding_mode", text_argument(mode)}},
               "y")};
    };
    for (const char* target : {"aten.div.Tensor_mode", "aten.div_.Tensor_mode"}) {
      CHECK(at::equal(run_recorded(divide(target, tensor("half"))), expected));
      CHECK(at::equal(run_recorded(divide(target, real_argument(0.5))), expected));
    }
    CHECK(at::equal(run_recorded(divide("aten.div_.Scalar_mode", real_argument(0.5))), expected));
  }
}

TEST_CASE("no in-place operator becomes one with other arguments") {
  for (const auto& name :
       {"add", "mul", "div", "clamp", "relu", "hardtanh", "fill", "masked_fill", "index_put", "dropout",
        "squeeze", "copy", "zero", "bernoulli", "leaky_relu", "pow"}) {
    const std::string base = std::string("aten::") + name;
    for (const char* overload : {"", "Tensor", "Scalar", "Tensor_mode", "Scalar_mode", "dim", "float"}) {
      auto in_place = imported::find_operator(base + "_", overload);
      if (!in_place) continue;
      auto functional = imported::find_functional(base, in_place->schema);
      CAPTURE(base);
      CAPTURE(overload);
      if (!functional) continue;
      CHECK(functional->schema.arguments().size() == in_place->schema.arguments().size());
      CHECK_FALSE(imported::is_in_place(functional->schema));
    }
  }
}

TEST_CASE("memory that nobody wrote to is read as zeros") {
  for (const auto& [target, argument] :
       {std::pair{"aten.empty.memory_format", NamedArgument{"size", integers_argument("[64,3,8,8]")}},
        std::pair{"aten.empty_like.default", NamedArgument{"self", kImages}}}) {
    Tensor made = run({node(target, {argument}, "y")});
    CHECK(at::equal(made, at::zeros_like(made)));
  }
}

TEST_CASE("what a program takes of memory is limited while it is tried") {
  const AllocationLimit limit(size_t{64} << 20);
  check_refused({ones("[20000000000]", "y")}, "IBA_MODEL_MEMORY");
  check_refused({ones("[1,1]", "o"),
                 node("aten.expand.default",
                      {{"self", tensor("o")}, {"size", integers_argument("[20000,20000]")}}, "e"),
                 node("aten.neg.default", {{"self", tensor("e")}}, "y")},
                "more than 0.0625 GiB");
  check_refused({node("aten.repeat.default",
                      {{"self", kImages}, {"repeats", integers_argument("[100000,1,1,1]")}}, "y")},
                "GiB");
  check_refused({node("aten.constant_pad_nd.default",
                      {{"self", kImages}, {"pad", integers_argument("[0,900000000]")}}, "y")},
                "GiB");
  check_refused({node("aten.upsample_nearest2d.default",
                      {{"self", kImages}, {"output_size", integers_argument("[100000,100000]")}}, "y")},
                "GiB");
  check_refused({node("aten.arange.default", {{"end", integer_argument(9000000000)}}, "y")}, "GiB");
  check_refused({node("aten.eye.default", {{"n", integer_argument(1000000)}}, "y")}, "GiB");
  // What is read no more is given back.
  std::vector<std::string> many;
  for (int i = 0; i < 20; ++i) {
    const std::string from = i == 0 ? "x" : "t" + std::to_string(i - 1);
    many.push_back(node("aten.upsample_nearest2d.default",
                        {{"self", tensor(from)}, {"output_size", integers_argument("[1000,1000]")}},
                        "t" + std::to_string(i)));
  }
  many.push_back(node("aten.neg.default", {{"self", tensor("t19")}}, "y"));
  CHECK(run(many).size(2) == 1000);
}

TEST_CASE("a limit of memory counts what lives, in its own scope") {
  auto take = [](int64_t mebibytes) { return at::empty({mebibytes << 20}, at::kByte); };
  Tensor kept;
  {
    const AllocationLimit limit(size_t{8} << 20);
    for (int i = 0; i < 20; ++i) take(6);
    kept = take(6);
    CHECK(code_of([&] { take(6); }) == ErrorCode::model);
    kept = Tensor();
    kept = take(6);
    {
      const AllocationLimit inner(size_t{1} << 20);
      CHECK(code_of([&] { take(6); }) == ErrorCode::model);
    }
    CHECK(code_of([&] { take(6); }) == ErrorCode::model);
  }
  CHECK(take(16).numel() == int64_t{16} << 20);
}

TEST_CASE("views that are larger than any memory, and endless lists of parts, are refused") {
  const std::string one = ones("[1]", "o");
  auto wide = [&](const std::string& size) {
    return node("aten.expand.default", {{"self", tensor("o")}, {"size", integers_argument(size)}}, "w");
  };
  check_refused({one, wide("[4611686018427387904]")}, "elements");
  for (const auto& target :
       {"aten.unbind.int", "aten.split.Tensor", "aten.chunk.default", "aten.tensor_split.sections"}) {
    std::vector<NamedArgument> arguments = {{"self", tensor("w")}};
    if (std::string(target) == "aten.split.Tensor") arguments.push_back({"split_size", integer_argument(1)});
    if (std::string(target) == "aten.chunk.default")
      arguments.push_back({"chunks", integer_argument(1 << 30)});
    if (std::string(target) == "aten.tensor_split.sections")
      arguments.push_back({"sections", integer_argument(1 << 30)});
    check_refused({one, wide("[1073741824]"), node(target, arguments, "y")}, "tensors of one");
  }
}

TEST_CASE("values that LibTorch takes without a check are refused") {
  auto binary = [](const std::string& target, int64_t a, int64_t b) {
    return R"({"target":")" + target + R"(","inputs":[{"name":"","kind":1,"arg":)" + integer_argument(a) +
           R"(},{"name":"","kind":1,"arg":)" + integer_argument(b) +
           R"(}],"outputs":[{"as_sym_int":{"as_name":"n"}}]})";
  };
  check_refused({binary("_operator.floordiv", 5, 0)}, "divides by zero");
  check_refused({binary("_operator.mod", 5, 0)}, "divides by zero");
  check_refused({binary("_operator.floordiv", std::numeric_limits<int64_t>::min(), -1)}, "no opposite");
  const std::string grid = ones("[2,4,4,2]", "g");
  check_refused({grid, node("aten.grid_sampler_2d.default",
                            {{"input", kImages},
                             {"grid", tensor("g")},
                             {"interpolation_mode", integer_argument(7)},
                             {"padding_mode", integer_argument(0)},
                             {"align_corners", bool_argument(false)}},
                            "y")},
                "expected 0, 1 or 2");
  check_refused({node("aten.zeros_like.default", {{"self", kImages}, {"dtype", integer_argument(200)}}, "y")},
                "type 200");
  check_refused({node("aten.zeros_like.default", {{"self", kImages}, {"dtype", integer_argument(12)}}, "y")},
                "type 12");
  for (int64_t format : {-1, 4, 200}) {
    check_refused({node("aten.ones_like.default",
                        {{"self", kImages}, {"memory_format", integer_argument(format)}}, "y")},
                  "memory format");
  }
}

TEST_CASE("windows of convolutions and pools with steps as wide as memory are refused") {
  const std::string weight = ones("[3,3,3,3]", "w");
  auto transposed = [](const std::string& list, const std::string& numbers) {
    return node("aten.conv_transpose2d.input",
                {{"input", kImages}, {"weight", tensor("w")}, {list, integers_argument(numbers)}}, "y");
  };
  CHECK(run({weight, transposed("stride", "[2,4]")}).sizes() == at::IntArrayRef({2, 3, 17, 31}));
  for (const char* list : {"stride", "padding", "output_padding", "dilation"}) {
    check_refused({weight, transposed(list, "[2,65536]")}, "65536, expected at most 4096");
  }
  check_refused({weight, transposed("stride", "[9223372036854775807]")}, "expected at most 4096");
  check_refused({node("aten.max_pool2d.default",
                      {{"self", kImages}, {"kernel_size", integers_argument("[1099511627776,1]")}}, "y")},
                "'kernel_size' 1099511627776");
  // As few channels as there may be, and enough of them for steps that models have.
  check_refused({weight, transposed("stride", "[1,1024]")}, "moves by 1024 over 3 channels");
  check_refused({ones("[3,512,1,1]", "w"), transposed("stride", "[1,32]")}, "moves by 32 over 512 channels");
  CHECK(run({ones("[3,256,1,1]", "w"), transposed("stride", "[1,32]")}).size(3) == 225);
  CHECK(run({ones("[3,2048,1,1]", "w"), transposed("stride", "[8,8]")}).size(3) == 57);
  // The gradient of a plain convolution is a transposed one.
  check_refused(
      {ones("[4,128,1,1]", "w"), ones("[2,128,1,2049]", "i"),
       node("aten.conv2d.default",
            {{"input", tensor("i")}, {"weight", tensor("w")}, {"stride", integers_argument("[1,2048]")}},
            "y")},
      "moves by 2048 over 128 channels");
}

TEST_CASE("windows are bounded in whichever form the file holds their numbers") {
  auto moves_by = [](const imported::Item& stride) {
    imported::Recorder recorder(images(), {});
    recorder.call_by_name(
        "aten::conv_transpose2d", "input",
        {recorder.images(), imported::make_item(at::ones({3, 3, 1, 1})), imported::make_item({}), stride});
  };
  auto item = [](int64_t number) { return imported::make_item(number); };
  for (const auto& stride : {item(1024), imported::make_list({item(1), item(1024)}),
                             imported::make_item(at::IValue(std::vector<int64_t>{1, 1024})),
                             imported::make_item(at::IValue(std::tuple<int64_t, int64_t>{1, 1024}))}) {
    CHECK(code_of([&] { moves_by(stride); }) == ErrorCode::model);
    CHECK(contains(message_of([&] { moves_by(stride); }), "moves by 1024 over 3 channels"));
  }
}

TEST_CASE("devices and generators of a file are not asked for") {
  Tensor made =
      run({node("aten._to_copy.default",
                {{"self", kImages}, {"device", R"({"as_device":{"type":"cuda","index":7}})"}}, "y")});
  CHECK(made.is_cpu());
  CHECK(at::equal(made, images()));
}

TEST_CASE("operators that trust their caller run as those that check, with the same result") {
  const std::string weight = node("aten.arange.default", {{"end", real_argument(3)}}, "w");
  const std::string variance = ones("[3]", "v");
  const Tensor w = at::arange(3.0, at::kFloat);
  const Tensor v = at::ones({3});
  auto norm = [&](const std::string& mean) {
    return node("aten._native_batch_norm_legit_no_training.default",
                {{"input", kImages},
                 {"weight", tensor("w")},
                 {"bias", tensor("w")},
                 {"running_mean", tensor(mean)},
                 {"running_var", tensor("v")},
                 {"momentum", real_argument(0.1)},
                 {"eps", real_argument(0.001)}},
                "y");
  };
  auto first_of = [](std::string text) {
    // The operator makes three results, of which a program of inference reads the first.
    const std::string one = "\"outputs\":[" + tensor("y") + "]";
    return text.replace(text.find(one), one.size(),
                        "\"outputs\":[" + tensor("y") + "," + tensor("m") + "," + tensor("s") + "]");
  };
  CHECK(relative_error(run({weight, variance, first_of(norm("w"))}),
                       at::batch_norm(images(), w, w, w, v, false, 0.1, 0.001, false)) < 1e-6);
  // One mean for three channels would be read beyond its end.
  CHECK_THROWS(run({weight, variance, ones("[1]", "short"), first_of(norm("short"))}));

  auto group = [&](int64_t channels) {
    return first_of(node("aten.native_group_norm.default",
                         {{"input", kImages},
                          {"weight", tensor("w")},
                          {"bias", tensor("w")},
                          {"N", integer_argument(2)},
                          {"C", integer_argument(channels)},
                          {"HxW", integer_argument(64)},
                          {"group", integer_argument(1)},
                          {"eps", real_argument(0.001)}},
                         "y"));
  };
  CHECK(relative_error(run({weight, group(3)}), at::group_norm(images(), 1, w, w, 0.001, false)) < 1e-6);
  check_refused({weight, group(300)}, "other images or channels");

  auto weight_norm = [&](const std::string& size) {
    return std::vector<std::string>{
        ones(size, "g"), node("aten._weight_norm.default",
                              {{"v", kImages}, {"g", tensor("g")}, {"dim", integer_argument(0)}}, "y")};
  };
  CHECK(relative_error(run(weight_norm("[2,1,1,1]")), at::_weight_norm(images(), at::ones({2, 1, 1, 1}), 0)) <
        1e-6);
  CHECK_THROWS(run(weight_norm("[7,1,1,1]")));
}

TEST_CASE("batch norm without running statistics takes those of what it is given") {
  auto norm = [&](const std::string& of, bool training) {
    return node("aten.batch_norm.default",
                {{"input", tensor(of)},
                 {"training", bool_argument(training)},
                 {"momentum", real_argument(0.1)},
                 {"eps", real_argument(0.001)},
                 {"cudnn_enabled", bool_argument(false)}},
                "y");
  };
  const Tensor expected = at::batch_norm(images(), {}, {}, {}, {}, true, 0.1, 0.001, false);
  for (bool training : {true, false}) CHECK(at::equal(run_recorded({norm("x", training)}), expected));
}

}  // namespace iba::test
