#include "bottleneck/statistics.h"

#include <doctest/doctest.h>

#include "support/errors.h"
#include "support/files.h"
#include "support/tensors.h"

namespace iba::test {

namespace {

/// Statistics of the images (N, ...), taken in batches of these sizes in turn.
LayerStatistics streamed(const Tensor& images, const std::vector<int64_t>& batches, bool after_relu = false) {
  LayerStatistics statistics("layer", after_relu);
  int64_t begin = 0;
  for (size_t i = 0; begin < images.size(0); ++i) {
    int64_t end = std::min(begin + batches[i % batches.size()], images.size(0));
    statistics.update(images.slice(0, begin, end));
    begin = end;
  }
  return statistics;
}

const Conventions& kIba = conventions_of(Preset::iba);
const Conventions& kPaper = conventions_of(Preset::paper);

Tensor mean_of(const LayerStatistics& statistics) {
  return statistics.mean(kIba);
}

Tensor std_of(const LayerStatistics& statistics) {
  return statistics.standard_deviation(kIba, 0);
}

/// Both in two passes over all images.
void check_two_pass(const LayerStatistics& found, const Tensor& images, double tolerance) {
  Tensor mean = images.mean(0);
  Tensor variance = (images - mean).square().sum(0) / static_cast<double>(images.size(0) - 1);
  CHECK(found.samples() == images.size(0));
  CHECK(greatest_difference(mean_of(found), mean) < tolerance);
  CHECK(relative_error(std_of(found), variance.sqrt()) < tolerance);
}

}  // namespace

TEST_CASE("a stream of any batches gives what two passes give") {
  auto images = normal("images", {37, 3, 4, 5});
  for (const auto& batches : std::vector<std::vector<int64_t>>{{37}, {1}, {1, 7, 2}, {36, 1}}) {
    CAPTURE(batches.size());
    check_two_pass(streamed(images, batches), images, 1e-13);
  }
}

TEST_CASE("a great mean costs no digits of the variance") {
  auto images = normal("images", {50, 6}) + 1e6;
  check_two_pass(streamed(images, {7}), images, 1e-9);
}

TEST_CASE("merged parts give what one stream gives, in any order, and stay as they were") {
  auto images = normal("images", {40, 8}).relu();
  auto first = streamed(images.slice(0, 0, 3), {2});
  auto second = streamed(images.slice(0, 3), {5});
  auto first_mean = mean_of(first).clone();
  auto together = first, reversed = second;
  together.merge(second);
  reversed.merge(first);
  check_two_pass(together, images, 1e-13);
  check_two_pass(reversed, images, 1e-13);
  CHECK(at::equal(mean_of(first), first_mean));
  auto nothing = LayerStatistics("layer", false);
  together.merge(nothing);
  check_two_pass(together, images, 1e-13);
  nothing.merge(together);
  CHECK(at::equal(std_of(nothing), std_of(together)));
}

TEST_CASE("packed sums are the whole of it") {
  auto statistics = streamed(normal("images", {9, 2, 3}).relu(), {4}, true);
  auto copy = statistics.unpacked(statistics.packed());
  CHECK(copy.samples() == 9);
  CHECK(at::equal(copy.packed(), statistics.packed()));
  CHECK(copy.after_relu());
}

TEST_CASE("each preset reads the sums by its convention") {
  // Four neurons that are never, seldom, often and always different from 0.
  auto images = at::zeros({200, 4}, at::kDouble);
  images.slice(0, 0, 2).select(1, 1).fill_(3);
  images.slice(0, 0, 50).select(1, 2).fill_(2);
  images.select(1, 3).copy_(normal("images", {200}).abs());
  auto behind_relu = streamed(images, {64}, true);
  auto elsewhere = streamed(images, {64});

  CHECK(at::equal(behind_relu.mean(kPaper), at::zeros({4}, at::kDouble)));
  CHECK(greatest_difference(elsewhere.mean(kPaper), images.mean(0)) < 1e-14);
  auto iba_std = behind_relu.standard_deviation(kIba, 0.01);
  CHECK(iba_std[0].item<double>() == 0.01);
  CHECK(relative_error(iba_std.slice(0, 1), images.std(0, true).slice(0, 1)) < 1e-13);
  // The paper's code takes the root of the mean square of what isn't 0.
  auto squares = images.square().sum(0).slice(0, 1), counts = images.ne(0).sum(0).slice(0, 1);
  CHECK(relative_error(behind_relu.standard_deviation(kPaper, 0.01).slice(0, 1), (squares / counts).sqrt()) <
        1e-13);
  // Non-zero in more than 1 % of the samples.
  auto active = behind_relu.active(kIba).to(at::kLong);
  CHECK(at::equal(active, at::tensor({0, 0, 1, 1}, at::kLong)));
  CHECK(behind_relu.active(kPaper).all().item<bool>());
}

TEST_CASE("statistics of too little, or of changing shapes, are refused") {
  LayerStatistics statistics("layer3", false);
  CHECK(code_of([&] { mean_of(statistics); }) == ErrorCode::statistics);
  CHECK(code_of([&] { statistics.packed(); }) == ErrorCode::statistics);
  statistics.update(normal("one", {1, 3}));
  CHECK(contains(message_of([&] { std_of(statistics); }), "need at least 2 samples, found 1"));
  CHECK(contains(message_of([&] {
                   statistics.update(normal("other", {1, 4}));
                 }),
                 "'layer3' changed their shape"));
}

TEST_CASE("statistics are written so that they are read back") {
  TemporaryFolder folder;
  auto path = folder.path() / "statistics.safetensors";
  ModelStatistics written{
      "resnet18", "0123456789abcdef", Preset::paper, {streamed(normal("a", {8, 2, 3, 3}).relu(), {3}, true)}};
  StatisticsFile::write(path, written);
  auto found = StatisticsFile::read(path);
  CHECK(found.architecture == "resnet18");
  CHECK(found.weight_hash == "0123456789abcdef");
  CHECK(found.preset == Preset::paper);
  const auto& layer = found.layer("layer");
  CHECK(layer.samples() == 8);
  CHECK(layer.after_relu());
  CHECK(relative_error(layer.mean(kIba), written.layers[0].mean(kIba)) < 1e-6);
  CHECK(relative_error(std_of(layer), std_of(written.layers[0])) < 1e-6);
}

}  // namespace iba::test
