#include "network/zoo/vgg.h"

#include <map>

#include "network/zoo/builder.h"

namespace iba {

namespace {

constexpr int64_t kPool = 0;
constexpr int64_t kPooledSize = 7;
constexpr int64_t kChannels = 64;

/// Output channels of each convolution as multiples of the width, with the max-pools between.
const std::map<std::string, std::vector<int64_t>> kLayouts = {
    {"vgg11", {1, kPool, 2, kPool, 4, 4, kPool, 8, 8, kPool, 8, 8, kPool}},
    {"vgg13", {1, 1, kPool, 2, 2, kPool, 4, 4, kPool, 8, 8, kPool, 8, 8, kPool}},
    {"vgg16", {1, 1, kPool, 2, 2, kPool, 4, 4, 4, kPool, 8, 8, 8, kPool, 8, 8, 8, kPool}},
    {"vgg19", {1, 1, kPool, 2, 2, kPool, 4, 4, 4, 4, kPool, 8, 8, 8, 8, kPool, 8, 8, 8, 8, kPool}},
};

struct VggName {
  std::string layout;
  bool batch_norm;
};

VggName parse(const std::string& architecture) {
  bool batch_norm = architecture.size() > 5;
  return {architecture.substr(0, 5), batch_norm};
}

/// The layer of the first convolution of the fourth block (conv4_1), before its ReLU.
std::string bottleneck_layer(const VggName& name) {
  int64_t index = 0;
  int pools = 0;
  for (int64_t multiple : kLayouts.at(name.layout)) {
    if (multiple != kPool && pools == 3) break;
    pools += multiple == kPool;
    index += multiple == kPool ? 1 : (name.batch_norm ? 3 : 2);
  }
  return "features." + std::to_string(index);
}

}  // namespace

std::vector<ZooEntry> vgg_entries() {
  std::vector<ZooEntry> entries;
  for (const auto& [layout, multiples] : kLayouts) {
    for (const char* suffix : {"", "_bn"}) {
      std::string name = layout + suffix;
      entries.push_back({name, "VGG", bottleneck_layer(parse(name))});
    }
  }
  return entries;
}

Network build_vgg(const std::string& architecture, const ZooOptions& options) {
  auto name = parse(architecture);
  Builder builder(architecture, options.input_channels, options.classes);
  auto feature = [index = 0]() mutable { return "features." + std::to_string(index++); };

  ValueId x = builder.input();
  int64_t channels = options.input_channels;
  std::string last_layer;
  for (int64_t multiple : kLayouts.at(name.layout)) {
    if (multiple == kPool) {
      last_layer = feature();
      x = builder.step(last_layer, MaxPool{}, {x});
      continue;
    }
    int64_t out = multiple * options.width.value_or(kChannels);
    x = builder.convolution(feature(), x, {.in = channels, .out = out, .bias = true});
    if (name.batch_norm) x = builder.batch_norm(feature(), x, out);
    x = builder.step(feature(), Relu{}, {x});
    channels = out;
  }
  builder.group("features", "group", x);

  x = builder.step("avgpool", AdaptiveAveragePool{{kPooledSize, kPooledSize}}, {x});
  x = builder.step("flatten", Flatten{}, {x});
  x = builder.linear("classifier.0", x, channels * kPooledSize * kPooledSize, options.hidden);
  x = builder.step("classifier.1", Relu{}, {x});
  x = builder.step("classifier.2", Dropout{}, {x});
  x = builder.linear("classifier.3", x, options.hidden, options.hidden);
  x = builder.step("classifier.4", Relu{}, {x});
  x = builder.step("classifier.5", Dropout{}, {x});
  x = builder.linear("classifier.6", x, options.hidden, options.classes);
  builder.group("classifier", "group", x);
  return builder.finish(x, bottleneck_layer(name), last_layer);
}

}  // namespace iba
