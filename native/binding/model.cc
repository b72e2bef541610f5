#include <limits>

#include "calls.h"
#include "device_argument.h"
#include "executors.h"
#include "handles.h"
#include "import/import.h"
#include "import/load.h"
#include "import/onnx/model_file.h"
#include "inputs.h"
#include "module.h"
#include "network/block_layers.h"
#include "network/cut.h"
#include "network/fingerprint.h"
#include "network/precision.h"
#include "network/tokens.h"
#include "runtime/cancellation_scope.h"
#include "runtime/device.h"

namespace iba {

constexpr double kLargestExtent = 1 << 20;

void fields(Of<ZooEntry> auto& entry, auto&& field) {
  field("name", entry.name);
  field("family", entry.family);
  field("bottleneckLayer", entry.bottleneck_layer);
}

constexpr std::array<std::string_view, 4> enum_names(OutputKind) {
  return {"classes", "labels", "values", "embedding"};
}

void fields(Of<LoadOptions> auto& options, auto&& field) {
  field("architecture", options.architecture);
  field("weights", options.weights);
  field("seed", options.seed);
  field("outputKind", options.outputs);
  field("classes", options.zoo.classes, {1, kLargestExtent});
  field("width", options.zoo.width, {1, kLargestExtent});
  field("inputChannels", options.zoo.input_channels, {1, kLargestExtent});
}

}  // namespace iba

namespace iba::binding {

template <>
at::Device read<at::Device>(const Napi::Value& value, const char* name, Bounds) {
  return parse_device(string_argument(value, name));
}

template <>
at::MemoryFormat read<at::MemoryFormat>(const Napi::Value& value, const char* name, Bounds) {
  constexpr std::string_view names[] = {"contiguous", "channels-last"};
  return choice_argument(value, name, names) == 0 ? at::MemoryFormat::Contiguous
                                                  : at::MemoryFormat::ChannelsLast;
}

constexpr std::string_view kPrecisions[] = {"float32", "bfloat16"};

template <>
at::ScalarType read<at::ScalarType>(const Napi::Value& value, const char* name, Bounds) {
  return choice_argument(value, name, kPrecisions) == 0 ? at::kFloat : at::kBFloat16;
}

void fields(Of<Model> auto& model, auto&& field) {
  const Network& network = model.network;
  std::vector<std::string> layers;
  for (const auto& layer : network.layers) layers.push_back(layer.name);
  auto table = takes_tokens(network) ? find_token_table(network) : std::nullopt;
  field("architecture", network.architecture);
  field("classes", network.classes);
  field("outputKind", network.outputs);
  field("isBinary", network.is_binary);
  field("inputChannels", network.input_channels);
  field("bottleneckLayer", network.bottleneck_layer);
  field("gradCamLayer", network.grad_cam_layer);
  field("blockLayers", block_layers(network));
  field("imageSize", network.image_size);
  field("vocabulary", table ? std::optional(table->size) : std::nullopt);
  field("white", network.white);
  field("weightHash", model.fingerprint);
  field("device", model.device.str());
  field("precision", std::string(kPrecisions[precision_of(network) == at::kBFloat16 ? 1 : 0]));
  field("layers", layers);
  field("notes", network.notes);
}

namespace {

/// Where a network runs, what it computes in, and how its activations lie in memory.
struct Place {
  at::Device device = at::kCPU;
  at::ScalarType precision = at::kFloat;
  at::MemoryFormat memory_format = at::MemoryFormat::ChannelsLast;
};

void fields(Of<Place> auto& place, auto&& field) {
  field("device", place.device);
  field("precision", place.precision);
  field("memoryFormat", place.memory_format);
}

struct LayerShape {
  std::string name;
  std::string kind;
  std::vector<int64_t> shape;
};

void fields(Of<LayerShape> auto& layer, auto&& field) {
  field("name", layer.name);
  field("kind", layer.kind);
  field("shape", layer.shape);
}

/// Of a network of values or an embedding, `target` is -1 and there is no probability.
struct Prediction {
  int64_t target;
  double probability;
};

void fields(Of<Prediction> auto& prediction, auto&& field) {
  field("target", prediction.target);
  field("probability", prediction.probability);
}

Prediction prediction_from(const Tensor& outputs, OutputKind kind) {
  if (kind == OutputKind::values || kind == OutputKind::embedding)
    return {-1, std::numeric_limits<double>::quiet_NaN()};
  Tensor shares = kind == OutputKind::labels ? at::sigmoid(outputs) : at::softmax(outputs, 0);
  auto target = shares.argmax().item<int64_t>();
  return {target, shares[target].item<double>()};
}

/// Makes a network on the executor of the device that it shall run on.
template <typename Make>
Task<std::shared_ptr<Model>> make_model(const Place& place, Make make) {
  return {executor_of(place.device), [place, make](const Cancellation& cancellation, const StepProgress&) {
            const CancellationScope scope(cancellation);
            Network network = make();
            auto fingerprint = weight_fingerprint(network);
            network.to(place.device, place.memory_format);
            network = in_precision(std::move(network), place.precision);
            return std::make_shared<Model>(Model{std::move(network), fingerprint, place.device});
          }};
}

Task<std::shared_ptr<Model>> load_model(const LoadOptions& network, const Place& place) {
  return make_model(place, [network] { return load_network(network); });
}

Task<std::shared_ptr<Model>> import_model(const std::filesystem::path& file, int64_t height, int64_t width,
                                          const std::optional<std::string>& output,
                                          const std::optional<OutputKind>& output_kind, const Place& place) {
  return make_model(place, [=] { return import_network(file, {height, width}, {output, output_kind}); });
}

/// They are named alike at every width.
std::vector<std::string> block_layers_of(const std::string& architecture) {
  return block_layers(build_network(architecture, {.classes = 1, .hidden = 1}));
}

Task<std::vector<std::string>> external_files(const std::filesystem::path& file) {
  return {image_executor(), [file] { return imported::onnx::external_files(file); }};
}

const Model& describe_model(const std::shared_ptr<Model>& model) {
  return *model;
}

/// The shape of every layer's activation for one image of a size.
Task<std::vector<LayerShape>> layer_shapes(const std::shared_ptr<Model>& model, int64_t height,
                                           int64_t width) {
  require_image_size(*model, height, width);
  return {executor_of(model->device), [model, height, width] {
            const Network& network = model->network;
            auto options = at::TensorOptions(model->device);
            auto image = takes_tokens(network)
                             ? at::zeros({1, 1, height, width}, options.dtype(at::kLong))
                             : at::zeros({1, network.input_channels, height, width}, options);
            std::vector<ValueId> values;
            for (const auto& layer : network.layers) values.push_back(layer.value);
            std::vector<LayerShape> shapes;
            for (const auto& tensor : activations(network, image, values)) {
              const Layer& layer = network.layers[shapes.size()];
              shapes.push_back({layer.name, layer.kind, tensor.sizes().slice(1).vec()});
            }
            return shapes;
          }};
}

Task<Tensor> compute_logits(const std::shared_ptr<Model>& model, const Tensor& images) {
  check_inputs(images, *model);
  return {executor_of(model->device),
          [model, images] { return logits(model->network, sent_to(model->device, images)).cpu(); }};
}

/// The gradient of the sum of the images' logits of a class with respect to a layer's activation.
Task<Tensor> layer_gradient(const std::shared_ptr<Model>& model, const std::string& layer,
                            const Tensor& images, int64_t target) {
  check_inputs(images, *model);
  check_class(target, *model);
  return {executor_of(model->device), [model, at = model->network.layer(layer).value, images, target] {
            Cut cut(model->network, at);
            Values values = cut.before(sent_to(model->device, images));
            Interpreter::Tape tape;
            auto from_logits = at::zeros_like(cut.after(values, values[at], &tape));
            from_logits.select(1, target).fill_(1);
            return cut.backward(tape, from_logits).cpu();
          }};
}

/// The most probable class or label of each image.
Task<std::vector<Prediction>> predict(const std::shared_ptr<Model>& model, const Tensor& images) {
  check_inputs(images, *model);
  return {executor_of(model->device), [model, images] {
            Tensor outputs = logits(model->network, sent_to(model->device, images)).cpu();
            std::vector<Prediction> predictions;
            for (int64_t i = 0; i < outputs.size(0); ++i)
              predictions.push_back(prediction_from(outputs[i], model->network.outputs));
            return predictions;
          }};
}

}  // namespace

void export_model(Napi::Object exports) {
  const Bounds extent{1, kLargestExtent};
  export_call<zoo_entries>(exports, "architectures");
  export_call<check_architecture>(exports, "checkArchitecture", "architecture");
  export_call<block_layers_of>(exports, "blockLayers", "architecture");
  export_call<load_model>(exports, "loadModel", "network", "place");
  export_call<import_model>(exports, "importModel", "file", Parameter{"height", extent},
                            Parameter{"width", extent}, "output", "outputKind", "place");
  export_call<external_files>(exports, "externalFiles", "file");
  export_call<describe_model>(exports, "describeModel", "model");
  export_call<layer_shapes>(exports, "layerShapes", "model", Parameter{"height", extent},
                            Parameter{"width", extent});
  export_call<compute_logits>(exports, "logits", "model", "images");
  export_call<layer_gradient>(exports, "layerGradient", "model", "layer", "images", Parameter{"target", {0}});
  export_call<predict>(exports, "predict", "model", "images");
}

}  // namespace iba::binding
