#include "arguments.h"
#include "environment.h"
#include "executors.h"
#include "handles.h"
#include "import/import.h"
#include "import/load.h"
#include "module.h"
#include "network/fingerprint.h"
#include "network/interpreter.h"
#include "runtime/device.h"

namespace iba::binding {

namespace {

constexpr int64_t kLargestExtent = int64_t{1} << 20;

Napi::Value architectures(const Napi::CallbackInfo& info) {
  auto env = info.Env();
  auto entries = zoo_entries();
  auto result = Napi::Array::New(env, entries.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    auto entry = Napi::Object::New(env);
    entry.Set("name", entries[i].name);
    entry.Set("family", entries[i].family);
    entry.Set("bottleneckLayer", entries[i].bottleneck_layer);
    result.Set(static_cast<uint32_t>(i), entry);
  }
  return result;
}

LoadOptions load_options(const Napi::Object& object) {
  LoadOptions options;
  options.architecture = string_argument(object["architecture"], "architecture");
  Napi::Value weights = object["weights"];
  if (weights.IsString()) options.weights = string_argument(weights, "weights");
  options.seed = static_cast<uint64_t>(integer_argument(object["seed"], "seed"));
  options.zoo.classes = integer_argument(object["classes"], "classes", 1, kLargestExtent);
  options.zoo.width = integer_argument(object["width"], "width", 1, kLargestExtent);
  options.zoo.input_channels = integer_argument(object["inputChannels"], "inputChannels", 1, kLargestExtent);
  return options;
}

at::MemoryFormat layout_argument(const Napi::Value& value) {
  auto name = string_argument(value, "memoryFormat");
  if (name == "channels-last") return at::MemoryFormat::ChannelsLast;
  if (name == "contiguous") return at::MemoryFormat::Contiguous;
  throw Error("INVALID_ARGUMENT",
              "Expected 'channels-last' or 'contiguous' for memoryFormat but received '" + name + "'.");
}

/// Makes a network on the executor of the device that it shall run on.
Napi::Value make_model(const Napi::CallbackInfo& info, const Napi::Object& given,
                       std::function<Network()> make) {
  auto device = parse_device(string_argument(given["device"], "device"));
  auto layout = layout_argument(given["memoryFormat"]);
  Work work = [make = std::move(make), device, layout](const Cancellation&, const Progress&) -> Conversion {
    auto model = std::make_shared<Model>();
    model->network = make();
    model->fingerprint = weight_fingerprint(model->network);
    model->network.to(device, layout);
    model->device = device;
    return [model](Napi::Env env) { return make_handle(env, model); };
  };
  return Environment::of(info.Env()).run(executor_of(device), std::move(work));
}

Napi::Value load_model(const Napi::CallbackInfo& info) {
  auto given = object_argument(info[0], "options");
  return make_model(info, given, [options = load_options(given)] { return load_network(options); });
}

Napi::Value import_model(const Napi::CallbackInfo& info) {
  auto given = object_argument(info[0], "options");
  auto file = string_argument(given["file"], "file");
  int64_t size = integer_argument(given["imageSize"], "imageSize", 1, kLargestExtent);
  return make_model(info, given, [file, size] { return import_network(file, size); });
}

Napi::Value describe_model(const Napi::CallbackInfo& info) {
  auto env = info.Env();
  auto model = from_handle<Model>(info[0]);
  const Network& network = model->network;
  auto description = Napi::Object::New(env);
  description.Set("architecture", network.architecture);
  description.Set("classes", Napi::Number::New(env, static_cast<double>(network.classes)));
  description.Set("inputChannels", Napi::Number::New(env, static_cast<double>(network.input_channels)));
  description.Set("bottleneckLayer", network.bottleneck_layer);
  description.Set("gradCamLayer", network.grad_cam_layer);
  description.Set("weightHash", model->fingerprint);
  description.Set("device", model->device.str());
  const auto& size = network.image_size;
  description.Set("imageSize", size ? to_shape(env, *size) : env.Null());
  std::vector<std::string> names;
  for (const auto& layer : network.layers) names.push_back(layer.name);
  description.Set("layers", to_array(env, names));
  return description;
}

/// The shape of every layer's activation for one image of a size.
Napi::Value layer_shapes(const Napi::CallbackInfo& info) {
  auto model = from_handle<Model>(info[0]);
  int64_t height = integer_argument(info[1], "height", 1, kLargestExtent);
  int64_t width = integer_argument(info[2], "width", 1, kLargestExtent);
  require_image_size(*model, height, width);
  Work work = [model, height, width](const Cancellation&, const Progress&) -> Conversion {
    const Network& network = model->network;
    auto image = at::zeros({1, network.input_channels, height, width}, at::TensorOptions(model->device));
    std::vector<ValueId> values;
    for (const auto& layer : network.layers) values.push_back(layer.value);
    std::vector<std::vector<int64_t>> shapes;
    for (const auto& tensor : activations(network, image, values)) {
      shapes.push_back(tensor.sizes().slice(1).vec());
    }
    return [model, shapes](Napi::Env env) -> Napi::Value {
      const auto& layers = model->network.layers;
      auto result = Napi::Array::New(env, layers.size());
      for (size_t i = 0; i < layers.size(); ++i) {
        auto entry = Napi::Object::New(env);
        entry.Set("name", layers[i].name);
        entry.Set("kind", layers[i].kind);
        entry.Set("shape", to_shape(env, shapes[i]));
        result.Set(static_cast<uint32_t>(i), entry);
      }
      return result;
    };
  };
  return Environment::of(info.Env()).run(executor_of(model->device), std::move(work));
}

Napi::Value compute_logits(const Napi::CallbackInfo& info) {
  auto model = from_handle<Model>(info[0]);
  auto images = images_argument(info[1], info[2], *model);
  Work work = [model, images](const Cancellation&, const Progress&) -> Conversion {
    auto output = logits(model->network, images.to(model->device)).cpu();
    return [output](Napi::Env env) { return to_float_array(env, output); };
  };
  return Environment::of(info.Env()).run(executor_of(model->device), std::move(work));
}

/// (model, layer, images, shape, target) → the gradient of the sum of the images' logits of the class with
/// respect to the layer's activation.
Napi::Value layer_gradient(const Napi::CallbackInfo& info) {
  auto model = from_handle<Model>(info[0]);
  ValueId layer = model->network.layer(string_argument(info[1], "layer")).value;
  auto images = images_argument(info[2], info[3], *model);
  int64_t target = integer_argument(info[4], "target", 0, model->network.classes - 1);
  Work work = [model, layer, images, target](const Cancellation&, const Progress&) -> Conversion {
    Cut cut(model->network, layer);
    Values values = cut.before(images.to(model->device));
    Interpreter::Tape tape;
    auto logits = cut.after(values, values[layer], &tape);
    auto from_logits = at::zeros_like(logits);
    from_logits.select(1, target).fill_(1);
    auto gradient = cut.backward(tape, from_logits).cpu();
    return [gradient](Napi::Env env) -> Napi::Value {
      auto result = Napi::Object::New(env);
      result.Set("data", to_float_array(env, gradient));
      result.Set("shape", to_shape(env, gradient.sizes()));
      return result;
    };
  };
  return Environment::of(info.Env()).run(executor_of(model->device), std::move(work));
}

/// The most probable class of each image.
Napi::Value predict(const Napi::CallbackInfo& info) {
  auto model = from_handle<Model>(info[0]);
  auto images = images_argument(info[1], info[2], *model);
  Work work = [model, images](const Cancellation&, const Progress&) -> Conversion {
    auto probabilities = at::softmax(logits(model->network, images.to(model->device)), 1).cpu();
    auto [probability, target] = probabilities.max(1);
    return [probability, target](Napi::Env env) -> Napi::Value {
      auto result = Napi::Array::New(env, static_cast<size_t>(target.size(0)));
      for (int64_t i = 0; i < target.size(0); ++i) {
        auto entry = Napi::Object::New(env);
        entry.Set("target", static_cast<double>(target[i].item<int64_t>()));
        entry.Set("probability", probability[i].item<double>());
        result.Set(static_cast<uint32_t>(i), entry);
      }
      return result;
    };
  };
  return Environment::of(info.Env()).run(executor_of(model->device), std::move(work));
}

Napi::Value check_architecture_name(const Napi::CallbackInfo& info) {
  check_architecture(string_argument(info[0], "architecture"));
  return info.Env().Undefined();
}

Napi::Value dispose_model(const Napi::CallbackInfo& info) {
  dispose_handle<Model>(info[0]);
  return info.Env().Undefined();
}

}  // namespace

void export_model(Napi::Object exports) {
  export_function<architectures>(exports, "architectures");
  export_function<load_model>(exports, "loadModel");
  export_function<import_model>(exports, "importModel");
  export_function<describe_model>(exports, "describeModel");
  export_function<layer_shapes>(exports, "layerShapes");
  export_function<compute_logits>(exports, "logits");
  export_function<layer_gradient>(exports, "layerGradient");
  export_function<predict>(exports, "predict");
  export_function<check_architecture_name>(exports, "checkArchitecture");
  export_function<dispose_model>(exports, "disposeModel");
}

}  // namespace iba::binding
