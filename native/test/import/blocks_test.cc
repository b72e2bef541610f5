#include "import/blocks.h"

#include <doctest/doctest.h>

#include "support/tensors.h"

namespace iba::test {

namespace {

/// A network made step by step, with the modules that return something as layers.
class Builder {
 public:
  ValueId convolution(const std::string& module, ValueId input) {
    Convolution operation;
    operation.weight = normal(module, {4, 4, 1, 1});
    return network_.add(module, operation, {input});
  }
  ValueId relu(const std::string& module, ValueId input) { return network_.add(module, Relu{}, {input}); }

  ValueId add(const std::string& module, ValueId a, ValueId b) { return network_.add(module, Add{}, {a, b}); }

  /// x + f(x), with nothing in between where there is no shortcut.
  ValueId block(const std::string& module, ValueId input, bool has_shortcut = true) {
    ValueId value =
        convolution(module + ".conv2", relu(module + ".act", convolution(module + ".conv1", input)));
    if (has_shortcut) value = network_.add(module + ".add", Add{}, {value, input});
    return returns(module, "Block", value);
  }

  ValueId returns(const std::string& module, const std::string& type, ValueId value) {
    network_.layers.push_back({module, type, value});
    return value;
  }

  Network finish(ValueId output) {
    network_.output = output;
    return network_;
  }

 private:
  Network network_;
};

std::vector<std::string> names(const Network& network, const std::vector<size_t>& layers) {
  std::vector<std::string> found;
  for (size_t i : layers) found.push_back(network.layers[i].name);
  return found;
}

}  // namespace

TEST_CASE(
    "blocks join several ways, or are of the class of those that do; stems, stages and heads are none") {
  Builder build;
  ValueId value = build.returns("stem", "Stem", build.relu("stem.act", build.convolution("stem.conv", 0)));
  value = build.block("stages.0.0", value);
  value = build.returns("stages.0", "Sequential", build.block("stages.0.1", value));
  value = build.block("stages.1.0", value, false);
  value = build.returns("stages.1", "Sequential", build.block("stages.1.1", value));
  value = build.returns("stages", "Sequential", value);
  value = build.returns("head", "Head", build.relu("head.act", build.convolution("head.conv", value)));
  Network network = build.finish(value);

  std::vector<std::string> expected = {"stages.0.0", "stages.0.1", "stages.1.0", "stages.1.1"};
  CHECK(names(network, find_blocks(network)) == expected);
  CHECK(outermost(network, network.layer("stages.0.1")).name == "stages.0");
  CHECK(outermost(network, network.layer("stages.1.1")).name == "stages");
  CHECK(outermost(network, network.layer("stages.0.0")).name == "stages.0.0");
}

TEST_CASE("a block with a shortcut of its own, after a part that has one, is a block and that part is none") {
  Builder build;
  ValueId value = build.relu("stem", build.convolution("stem", 0));
  for (const std::string block : {"stage.0", "stage.1"}) {
    ValueId mixed = build.block(block + ".mixer", value);
    ValueId mlp = build.relu(block + ".mlp.act", build.convolution(block + ".mlp.fc", mixed));
    value = build.returns(block, "MetaBlock", build.add(block + ".add", mlp, mixed));
  }
  // Of the same class, but without its own shortcut.
  ValueId last = build.convolution("stage.2.fc", build.block("stage.2.mixer", value));
  value = build.returns("stage.2", "MetaBlock", build.relu("stage.2.act", last));
  Network network = build.finish(build.returns("stage", "Stage", build.relu("stage.norm", value)));
  std::vector<std::string> expected = {"stage.0", "stage.1", "stage.2"};
  CHECK(names(network, find_blocks(network)) == expected);
}

TEST_CASE("around blocks whose values lie in no order of the image, what holds them is the block") {
  Builder build;
  ValueId stem = build.relu("stem", build.convolution("stem", 0));
  ValueId inner = build.block("outer.blocks.0", build.relu("outer.unfold", stem));
  ValueId outer = build.returns("outer", "Outer", build.relu("outer.fold", inner));
  Network network = build.finish(outer);
  network.layers[0].layout = {Layout::Form::none};
  CHECK(names(network, find_blocks(network)) == std::vector<std::string>{"outer"});
}

TEST_CASE("a value is narrow where all that goes on passes through it") {
  Builder build;
  ValueId stem = build.convolution("stem", 0);
  ValueId end = build.block("block", stem);
  Network network = build.finish(end);
  auto narrow = find_narrow_values(network);
  CHECK(narrow[stem]);
  CHECK(narrow[end]);
  // Inside of the block, the shortcut goes past.
  for (ValueId value = stem + 1; value < end; ++value) CHECK(!narrow[value]);
}

TEST_CASE("a network of one way has no blocks") {
  Builder build;
  ValueId value = build.relu("features.1", build.convolution("features.0", 0));
  Network network = build.finish(build.returns("features", "Sequential", value));
  CHECK(find_blocks(network).empty());
  CHECK(find_parallel_blocks(network).empty());
}

}  // namespace iba::test
