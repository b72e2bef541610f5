#include "import/exported_archive.h"

#include <doctest/doctest.h>

#include "support/errors.h"
#include "support/files.h"
#include "support/formats.h"

namespace iba::test {

namespace {

std::string extents(const std::vector<int64_t>& values) {
  std::string all;
  for (int64_t value : values)
    all += (all.empty() ? "" : ",") + (R"({"as_int":)" + std::to_string(value) + "}");
  return "[" + all + "]";
}

/// A tensor of that name that views the entry "weight_0", which holds the floats 1, 2, 3 and 4.
std::string view_of_entry(const std::string& name, const std::vector<int64_t>& sizes,
                          const std::vector<int64_t>& strides) {
  return "\"" + name + R"(":{"path_name":"weight_0","use_pickle":false,"tensor_meta":{"dtype":7,"sizes":)" +
         extents(sizes) + R"(,"strides":)" + extents(strides) + R"(,"storage_offset":{"as_int":0}}})";
}

std::map<std::string, Tensor> read(const std::string& views) {
  TemporaryFolder folder;
  auto path = folder.write("model.pt2",
                           zip({{"m/archive_format", "pt2"},
                                {"m/models/model.json", R"({"schema_version":{"major":8}})"},
                                {"m/data/weights/model_weights_config.json", R"({"config":{)" + views + "}}"},
                                {"m/data/weights/weight_0", four_floats()}}));
  return imported::read_exported_archive(path).tensors;
}

/// So many expanded views of four MiB each.
std::string expanded_views(int count) {
  std::string all;
  for (int i = 0; i < count; ++i) {
    all += (i == 0 ? "" : ",") + view_of_entry("w" + std::to_string(i), {1 << 20}, {0});
  }
  return all;
}

}  // namespace

TEST_CASE("tensors of an exported program are views of their entries") {
  auto tensors = read(view_of_entry("a", {2, 2}, {1, 2}) + "," + view_of_entry("b", {4}, {1}) + "," +
                      view_of_entry("c", {3, 2}, {0, 1}));
  CHECK(at::equal(tensors["a"], at::tensor({1.0f, 3.0f, 2.0f, 4.0f}).view({2, 2})));
  CHECK(at::equal(tensors["b"], at::tensor({1.0f, 2.0f, 3.0f, 4.0f})));
  CHECK(at::equal(tensors["c"], at::tensor({1.0f, 2.0f}).expand({3, 2})));
}

TEST_CASE("tensors of an exported program can't outgrow its file") {
  CHECK(read(expanded_views(10)).size() == 10);
  for (const auto& views : {view_of_entry("w", {int64_t{1} << 30}, {0}), expanded_views(20),
                            view_of_entry("w", {int64_t{1} << 32, int64_t{1} << 31}, {0, 0}),
                            view_of_entry("w", {5}, {1}), view_of_entry("w", {2}, {int64_t{1} << 62})}) {
    CHECK(code_of([&] { read(views); }) == ErrorCode::weights);
  }
  CHECK(contains(message_of([] { read(expanded_views(20)); }), "8 times the file's size"));
}

}  // namespace iba::test
