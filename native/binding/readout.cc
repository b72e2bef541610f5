#include "bottleneck/readout.h"

#include "arguments.h"
#include "bottleneck/readout_file.h"
#include "environment.h"
#include "executors.h"
#include "handles.h"
#include "module.h"
#include "presets.h"

namespace iba::binding {

namespace {

constexpr int64_t kMostTaps = 1001;

Napi::Value readout_place(const Napi::CallbackInfo& info) {
  auto model = from_handle<Model>(info[0]);
  ReadoutPlace place = default_readout_place(model->network);
  auto result = Napi::Object::New(info.Env());
  result.Set("layer", place.layer);
  result.Set("reads", to_array(info.Env(), place.reads));
  return result;
}

ReadoutDesign readout_design(const Napi::Object& object) {
  ReadoutDesign design;
  design.place = {string_argument(object["layer"], "layer"), strings_argument(object["reads"], "reads")};
  auto variant = string_argument(object["variant"], "variant");
  if (variant != "A" && variant != "B") throw Error("INVALID_ARGUMENT", "Expected 'A' or 'B' for variant.");
  design.variant = variant == "A" ? ReadoutVariant::A : ReadoutVariant::B;
  design.preset = preset_argument(object["preset"]);
  design.smoothing.sigma = number_argument(object["sigma"], "sigma", 0, 1000);
  design.smoothing.taps = integer_argument(object["kernelSize"], "kernelSize", 1, kMostTaps);
  design.minimum_std = number_argument(object["minimumStd"], "minimumStd");
  design.seed = static_cast<uint64_t>(integer_argument(object["seed"], "seed"));
  if (design.place.reads.empty()) throw Error("INVALID_ARGUMENT", "Expected at least one layer to read.");
  return design;
}

std::shared_ptr<Readout> on_device(Readout readout, at::Device device) {
  readout.network = readout.network.to(device);
  return std::make_shared<Readout>(std::move(readout));
}

/// (model, statistics, design) → a readout that has learnt nothing.
Napi::Value create_readout(const Napi::CallbackInfo& info) {
  auto model = from_handle<Model>(info[0]);
  auto statistics = from_handle<ModelStatistics>(info[1]);
  auto design = readout_design(object_argument(info[2], "design"));
  Work work = [=](const Cancellation&, const Progress&) -> Conversion {
    auto readout = on_device(make_readout(*statistics, design), model->device);
    ReadoutBottleneck fits(model->network, *readout);
    return [readout](Napi::Env env) { return make_handle(env, readout); };
  };
  return Environment::of(info.Env()).run(executor_of(model->device), std::move(work));
}

Napi::Value load_readout(const Napi::CallbackInfo& info) {
  auto model = from_handle<Model>(info[0]);
  Work work = [model, path = string_argument(info[1], "path")](const Cancellation&,
                                                               const Progress&) -> Conversion {
    auto readout = on_device(read_readout(path, model->network), model->device);
    ReadoutBottleneck fits(model->network, *readout);
    return [readout](Napi::Env env) { return make_handle(env, readout); };
  };
  return Environment::of(info.Env()).run(executor_of(model->device), std::move(work));
}

Napi::Value save_readout(const Napi::CallbackInfo& info) {
  auto readout = from_handle<Readout>(info[0]);
  Work work = [readout, path = string_argument(info[1], "path")](const Cancellation&,
                                                                 const Progress&) -> Conversion {
    write_readout(path, *readout);
    return [](Napi::Env env) { return env.Undefined(); };
  };
  return Environment::of(info.Env()).run(image_executor(), std::move(work));
}

Napi::Value describe_readout(const Napi::CallbackInfo& info) {
  auto env = info.Env();
  auto readout = from_handle<Readout>(info[0]);
  auto description = Napi::Object::New(env);
  description.Set("model", readout->architecture);
  description.Set("weightHash", readout->weight_hash);
  description.Set("preset", preset_name(readout->preset));
  description.Set("variant", readout->network.variant() == ReadoutVariant::A ? "A" : "B");
  description.Set("layer", readout->bottleneck.layer);
  std::vector<std::string> reads;
  for (const auto& read : readout->reads) reads.push_back(read.layer);
  description.Set("reads", to_array(env, reads));
  description.Set("neurons", Napi::Number::New(env, static_cast<double>(readout->bottleneck.mean.numel())));
  description.Set("sigma", readout->smoothing.sigma);
  description.Set("kernelSize", Napi::Number::New(env, static_cast<double>(readout->smoothing.taps)));
  return description;
}

Napi::Value result_to_js(Napi::Env env, const ReadoutResult& result) {
  auto object = Napi::Object::New(env);
  object.Set("target", Napi::Number::New(env, static_cast<double>(result.target)));
  object.Set("probability", result.probability);
  object.Set("information", result.information);
  object.Set("map", to_float_array(env, result.map));
  if (result.capacity.defined()) {
    object.Set("capacity", to_float_array(env, result.capacity));
    object.Set("capacityShape", to_shape(env, result.capacity.sizes()));
  }
  if (result.logits.defined()) object.Set("logits", to_float_array(env, result.logits));
  return object;
}

/// (model, readout, images, shape, requests, options, cancellation, onStep) → one result per image.
Napi::Value attribute(const Napi::CallbackInfo& info) {
  auto model = from_handle<Model>(info[0]);
  auto readout = from_handle<Readout>(info[1]);
  auto images = images_argument(info[2], info[3], *model);
  auto requests = requests_argument(info[4], images.size(0), *model);
  auto given = object_argument(info[5], "options");
  ReadoutOptions options{boolean_argument(given["keepCapacity"], "keepCapacity"),
                         boolean_argument(given["keepLogits"], "keepLogits")};
  RunOptions run_options{from_handle<Cancellation>(info[6]), info[7]};

  Work work = [=](const Cancellation& cancellation, const Progress& progress) -> Conversion {
    ReadoutBottleneck bottleneck(model->network, *readout);
    auto results = bottleneck.attribute(images.to(model->device), requests, options, cancellation, progress);
    return [results](Napi::Env env) -> Napi::Value {
      auto array = Napi::Array::New(env, results.size());
      for (size_t i = 0; i < results.size(); ++i)
        array.Set(static_cast<uint32_t>(i), result_to_js(env, results[i]));
      return array;
    };
  };
  return Environment::of(info.Env()).run(executor_of(model->device), std::move(work), std::move(run_options));
}

Napi::Value dispose_readout(const Napi::CallbackInfo& info) {
  dispose_handle<Readout>(info[0]);
  return info.Env().Undefined();
}

}  // namespace

void export_readout(Napi::Object exports) {
  export_function<readout_place>(exports, "readoutPlace");
  export_function<create_readout>(exports, "createReadout");
  export_function<load_readout>(exports, "loadReadout");
  export_function<save_readout>(exports, "saveReadout");
  export_function<describe_readout>(exports, "describeReadout");
  export_function<attribute>(exports, "attributeReadout");
  export_function<dispose_readout>(exports, "disposeReadout");
}

}  // namespace iba::binding
