#include "import/image_values.h"

#include <doctest/doctest.h>

#include "import/layouts.h"
#include "network/seeded_weights.h"
#include "network/zoo/builder.h"
#include "support/tensors.h"

namespace iba::test {

namespace {

/// Wide strided windows down to 2×2 places of images of 32 pixels: each place sees nearly all of the image.
struct Coarse {
  ValueId deep, flat, logits;
  Network network;
};

Coarse coarse() {
  Builder builder("coarse", 3, 4);
  ValueId x = builder.input();
  for (int64_t i = 0; i < 4; ++i) {
    const std::string number = std::to_string(i);
    const int64_t in = i == 0 ? 3 : 4;
    x = builder.convolution("conv" + number, x, {.in = in, .out = 4, .kernel = 7, .stride = 2, .padding = 3});
    x = builder.step("relu" + number, Relu{}, {x});
  }
  const ValueId deep = builder.step("sum", Add{}, {x, builder.step("again", Relu{}, {x})});
  const ValueId flat = builder.step("flatten", Flatten{}, {deep});
  const ValueId logits = builder.linear("fc", flat, 16, 4);
  Network network = builder.finish(logits, "sum", "sum");
  seed_weights(network, 0);
  return {deep, flat, logits, std::move(network)};
}

}  // namespace

TEST_CASE("windows, sums and activation functions keep the order of places, flattening doesn't") {
  const Coarse made = coarse();
  const auto is_image = find_image_values(made.network);
  CHECK(is_image[made.network.input]);
  CHECK(is_image[made.deep]);
  CHECK(!is_image[made.flat]);
  CHECK(!is_image[made.logits]);
}

TEST_CASE("a few places, of which each sees all of the image, lie as the image does") {
  Coarse made = coarse();
  find_layouts(made.network, normal("image", {1, 3, 32, 32}).to(at::kFloat));
  for (const auto& layer : made.network.layers) {
    CAPTURE(layer.name);
    const bool has_places = layer.value <= made.deep;
    CHECK(layer.layout.form == (has_places ? Layout::Form::image : Layout::Form::none));
  }
}

}  // namespace iba::test
