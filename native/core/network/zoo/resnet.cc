#include "network/zoo/resnet.h"

#include <algorithm>

#include "network/zoo/builder.h"

namespace iba {

namespace {

struct Design {
  std::string name;
  std::array<int64_t, 4> blocks;
  bool bottleneck;  // 1×1, 3×3, 1×1 blocks; otherwise two 3×3
  int64_t groups = 1;
  int64_t width_per_group = 64;  // relative to a stem of 64 channels
};

const std::vector<Design> kDesigns = {
    {"resnet18", {2, 2, 2, 2}, false},
    {"resnet34", {3, 4, 6, 3}, false},
    {"resnet50", {3, 4, 6, 3}, true},
    {"resnet101", {3, 4, 23, 3}, true},
    {"resnet152", {3, 8, 36, 3}, true},
    {"wide_resnet50_2", {3, 4, 6, 3}, true, 1, 128},
    {"wide_resnet101_2", {3, 4, 23, 3}, true, 1, 128},
    {"resnext50_32x4d", {3, 4, 6, 3}, true, 32, 4},
    {"resnext101_32x8d", {3, 4, 23, 3}, true, 32, 8},
    {"resnext101_64x4d", {3, 4, 23, 3}, true, 64, 4},
};

constexpr int64_t kPlanes = 64;
constexpr const char* kBottleneckLayer = "layer2";
constexpr const char* kGradCamLayer = "layer4";

/// Writes the blocks of one ResNet, keeping track of the channels that come out.
class ResNetBuilder {
 public:
  ResNetBuilder(const Design& layout, const ZooOptions& options)
      : layout_(layout), options_(options), builder_(layout.name, options.input_channels, options.classes) {}

  Network build() {
    ValueId x = stem();
    for (size_t stage = 0; stage < layout_.blocks.size(); ++stage) x = this->stage(stage, x);
    x = builder_.step("avgpool", AdaptiveAveragePool{}, {x});
    x = builder_.step("flatten", Flatten{}, {x});
    x = builder_.linear("fc", x, channels_, options_.classes);
    return builder_.finish(x, kBottleneckLayer, kGradCamLayer);
  }

 private:
  ValueId stem() {
    channels_ = options_.width.value_or(kPlanes);
    ValueId x = builder_.convolution(
        "conv1", builder_.input(),
        {.in = options_.input_channels, .out = channels_, .kernel = 7, .stride = 2, .padding = 3});
    x = builder_.batch_norm("bn1", x, channels_);
    x = builder_.step("relu", Relu{}, {x});
    return builder_.step("maxpool", MaxPool{{3, 3}, {2, 2}, {1, 1}}, {x});
  }

  ValueId stage(size_t stage, ValueId x) {
    std::string name = "layer" + std::to_string(stage + 1);
    int64_t planes = options_.width.value_or(kPlanes) << stage;
    for (int64_t block = 0; block < layout_.blocks[stage]; ++block) {
      int64_t stride = stage > 0 && block == 0 ? 2 : 1;
      x = this->block(name + "." + std::to_string(block), x, planes, stride);
    }
    builder_.group(name, "stage", x);
    return x;
  }

  ValueId block(const std::string& name, ValueId x, int64_t planes, int64_t stride) {
    int64_t in = channels_;
    int64_t out = layout_.bottleneck ? 4 * planes : planes;
    ValueId y = layout_.bottleneck ? bottleneck_branch(name, x, planes, stride)
                                   : basic_branch(name, x, planes, stride);
    ValueId shortcut = x;
    if (stride != 1 || in != out) {
      shortcut = builder_.convolution(name + ".downsample.0", x,
                                      {.in = in, .out = out, .kernel = 1, .stride = stride, .padding = 0});
      shortcut = builder_.batch_norm(name + ".downsample.1", shortcut, out);
      builder_.group(name + ".downsample", "group", shortcut);
    }
    channels_ = out;
    y = builder_.step(name + ".add", Add{}, {y, shortcut});
    y = builder_.step(name + ".relu", Relu{}, {y});
    builder_.group(name, "block", y);
    return y;
  }

  ValueId basic_branch(const std::string& name, ValueId x, int64_t planes, int64_t stride) {
    x = builder_.convolution(name + ".conv1", x, {.in = channels_, .out = planes, .stride = stride});
    x = builder_.batch_norm(name + ".bn1", x, planes);
    x = builder_.step(name + ".relu", Relu{}, {x});
    x = builder_.convolution(name + ".conv2", x, {.in = planes, .out = planes});
    return builder_.batch_norm(name + ".bn2", x, planes);
  }

  ValueId bottleneck_branch(const std::string& name, ValueId x, int64_t planes, int64_t stride) {
    int64_t width = planes * layout_.width_per_group / 64 * layout_.groups;
    x = builder_.convolution(name + ".conv1", x, {.in = channels_, .out = width, .kernel = 1, .padding = 0});
    x = builder_.batch_norm(name + ".bn1", x, width);
    x = builder_.step(name + ".relu", Relu{}, {x});
    x = builder_.convolution(name + ".conv2", x,
                             {.in = width, .out = width, .stride = stride, .groups = layout_.groups});
    x = builder_.batch_norm(name + ".bn2", x, width);
    x = builder_.step(name + ".relu", Relu{}, {x});
    x = builder_.convolution(name + ".conv3", x, {.in = width, .out = 4 * planes, .kernel = 1, .padding = 0});
    return builder_.batch_norm(name + ".bn3", x, 4 * planes);
  }

  const Design& layout_;
  const ZooOptions& options_;
  Builder builder_;
  int64_t channels_ = 0;
};

}  // namespace

std::vector<ZooEntry> resnet_entries() {
  std::vector<ZooEntry> entries;
  for (const auto& layout : kDesigns) {
    std::string family = layout.groups > 1             ? "ResNeXt"
                         : layout.width_per_group > 64 ? "Wide ResNet"
                                                       : "ResNet";
    entries.push_back({layout.name, family, kBottleneckLayer});
  }
  return entries;
}

Network build_resnet(const std::string& architecture, const ZooOptions& options) {
  auto layout = std::find_if(kDesigns.begin(), kDesigns.end(),
                             [&](const Design& candidate) { return candidate.name == architecture; });
  return ResNetBuilder(*layout, options).build();
}

}  // namespace iba
