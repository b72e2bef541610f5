#include "network/zoo/efficientnet_lite.h"

#include <algorithm>
#include <cmath>

#include "network/zoo/builder.h"

namespace iba {

namespace {

/// How much wider and deeper than EfficientNet-Lite0.
struct Scaling {
  std::string name;
  double width;
  double depth;
};

const std::vector<Scaling> kScalings = {{"efficientnet-lite0", 1.0, 1.0},
                                        {"efficientnet-lite1", 1.0, 1.1},
                                        {"efficientnet-lite2", 1.1, 1.2},
                                        {"efficientnet-lite3", 1.2, 1.4},
                                        {"efficientnet-lite4", 1.4, 1.8}};

/// Blocks of one grid, of which the first may have a stride.
struct Stage {
  int64_t blocks;
  int64_t kernel;
  int64_t stride;
  int64_t expansion;
  int64_t channels;
};

const std::vector<Stage> kStages = {{1, 3, 1, 1, 16},  {2, 3, 2, 6, 24},  {2, 5, 2, 6, 40}, {3, 3, 2, 6, 80},
                                    {3, 5, 1, 6, 112}, {4, 5, 2, 6, 192}, {1, 3, 1, 6, 320}};
constexpr size_t kStagesToEighth = 3;
constexpr int64_t kStemChannels = 32;
constexpr int64_t kHeadChannels = 1280;
constexpr double kEpsilon = 1e-3;
constexpr double kLimit = 6;
/// The head's activation, which the classes are read from: behind the last block a convolution still mixes
/// the channels. The stem calls the same module first.
constexpr const char* kHeadActivation = "_swish#2";

/// Stem, head, and the number of blocks in the first and the last stage are the same in all designs.
int64_t blocks_of(const Scaling& scaling, size_t stage) {
  bool is_scaled = stage > 0 && stage + 1 < kStages.size();
  auto blocks = static_cast<double>(kStages[stage].blocks);
  return is_scaled ? static_cast<int64_t>(std::ceil(scaling.depth * blocks)) : kStages[stage].blocks;
}

std::string block_name(int64_t index) {
  return "_blocks." + std::to_string(index);
}

/// The last block at an eighth of the image's side.
std::string bottleneck_layer(const Scaling& scaling) {
  int64_t blocks = 0;
  for (size_t stage = 0; stage < kStagesToEighth; ++stage) blocks += blocks_of(scaling, stage);
  return block_name(blocks - 1);
}

class EfficientNetLiteBuilder {
 public:
  EfficientNetLiteBuilder(const Scaling& scaling, const ZooOptions& options)
      : scaling_(scaling),
        options_(options),
        builder_(scaling.name, options.input_channels, options.classes) {}

  Network build() {
    ValueId x = stem();
    for (size_t stage = 0; stage < kStages.size(); ++stage) {
      for (int64_t block = 0; block < blocks_of(scaling_, stage); ++block) {
        x = this->block(kStages[stage], block == 0 ? kStages[stage].stride : 1, x);
      }
    }
    builder_.group("_blocks", "group", x);
    x = head(x);
    return builder_.finish(x, bottleneck_layer(scaling_), kHeadActivation);
  }

 private:
  ValueId stem() {
    channels_ = fixed(kStemChannels);
    ValueId x = convolution("_conv_stem", builder_.input(),
                            {.in = options_.input_channels, .out = channels_, .stride = 2});
    x = builder_.batch_norm("_bn0", x, channels_, kEpsilon);
    return builder_.step("_swish", Relu{kLimit}, {x});
  }

  /// Expands the channels, looks at the neighbourhood in each, and projects them.
  ValueId block(const Stage& stage, int64_t stride, ValueId input) {
    const std::string name = block_name(blocks_++);
    const int64_t in = channels_, expanded = in * stage.expansion, out = scaled(stage.channels);
    ValueId x = input;
    if (stage.expansion != 1) {
      x = convolution(name + "._expand_conv", x, {.in = in, .out = expanded, .kernel = 1});
      x = builder_.batch_norm(name + "._bn0", x, expanded, kEpsilon);
      x = builder_.step(name + "._swish", Relu{kLimit}, {x});
    }
    x = convolution(
        name + "._depthwise_conv", x,
        {.in = expanded, .out = expanded, .kernel = stage.kernel, .stride = stride, .groups = expanded});
    x = builder_.batch_norm(name + "._bn1", x, expanded, kEpsilon);
    x = builder_.step(name + "._swish", Relu{kLimit}, {x});
    x = convolution(name + "._project_conv", x, {.in = expanded, .out = out, .kernel = 1});
    x = builder_.batch_norm(name + "._bn2", x, out, kEpsilon);
    if (stride == 1 && in == out) x = builder_.step(name + ".add", Add{}, {x, input});
    builder_.group(name, "block", x);
    channels_ = out;
    return x;
  }

  ValueId head(ValueId x) {
    const int64_t features = fixed(kHeadChannels);
    x = convolution("_conv_head", x, {.in = channels_, .out = features, .kernel = 1});
    x = builder_.batch_norm("_bn1", x, features, kEpsilon);
    x = builder_.step("_swish", Relu{kLimit}, {x});
    x = builder_.step("_avg_pooling", AdaptiveAveragePool{}, {x});
    x = builder_.step("flatten", Flatten{}, {x});
    x = builder_.step("_dropout", Dropout{}, {x});
    return builder_.linear("_fc", x, features, options_.classes);
  }

  /// With zeros around it, as TensorFlow has them.
  ValueId convolution(const std::string& name, ValueId x, Builder::ConvolutionShape shape) {
    const Pair kernel{shape.kernel, shape.kernel}, stride{shape.stride, shape.stride};
    shape.padding = shape.stride == 1 ? shape.kernel / 2 : 0;
    if (shape.stride > 1) x = builder_.step(name + ".static_padding", SamePad{kernel, stride}, {x});
    return builder_.convolution(name, x, shape);
  }

  /// A number of channels that is the same in all designs.
  int64_t fixed(int64_t channels) const {
    return std::max<int64_t>(1, channels * stem_width() / kStemChannels);
  }

  /// One that grows with the network: a multiple of 8, and no less than 90 % of the exact number.
  int64_t scaled(int64_t channels) const {
    constexpr int64_t kDivisor = 8;
    const double exact = scaling_.width * static_cast<double>(channels * stem_width()) / kStemChannels;
    int64_t rounded = std::max(kDivisor, static_cast<int64_t>(exact + kDivisor / 2.0) / kDivisor * kDivisor);
    return static_cast<double>(rounded) < 0.9 * exact ? rounded + kDivisor : rounded;
  }

  int64_t stem_width() const { return options_.width.value_or(kStemChannels); }

  const Scaling& scaling_;
  const ZooOptions& options_;
  Builder builder_;
  int64_t channels_ = 0;
  int64_t blocks_ = 0;
};

}  // namespace

std::vector<ZooEntry> efficientnet_lite_entries() {
  std::vector<ZooEntry> entries;
  for (const auto& scaling : kScalings) {
    entries.push_back({scaling.name, "EfficientNet-Lite", bottleneck_layer(scaling)});
  }
  return entries;
}

Network build_efficientnet_lite(const std::string& architecture, const ZooOptions& options) {
  auto scaling = std::find_if(kScalings.begin(), kScalings.end(),
                              [&](const Scaling& candidate) { return candidate.name == architecture; });
  return EfficientNetLiteBuilder(*scaling, options).build();
}

}  // namespace iba
