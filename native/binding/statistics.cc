#include "bottleneck/statistics.h"

#include "arguments.h"
#include "environment.h"
#include "executors.h"
#include "handles.h"
#include "module.h"
#include "presets.h"

namespace iba::binding {

namespace {

Napi::Value create_statistics(const Napi::CallbackInfo& info) {
  auto model = from_handle<Model>(info[0]);
  auto layers = strings_argument(info[1], "layers");
  auto preset = preset_argument(info[2]);
  return make_handle(info.Env(), std::make_shared<ModelStatistics>(
                                     make_statistics(model->network, model->fingerprint, preset, layers)));
}

/// Statistics may only be touched by work of the model's executor while they grow.
Napi::Value take_in_images(const Napi::CallbackInfo& info) {
  auto statistics = from_handle<ModelStatistics>(info[0]);
  auto model = from_handle<Model>(info[1]);
  auto images = images_argument(info[2], info[3], *model);
  Work work = [statistics, model, images](const Cancellation&, const Progress&) -> Conversion {
    update_statistics(*statistics, model->network, images.to(model->device));
    return [](Napi::Env env) { return env.Undefined(); };
  };
  return Environment::of(info.Env()).run(executor_of(model->device), std::move(work));
}

Napi::Value merge(const Napi::CallbackInfo& info) {
  auto sum = std::make_shared<ModelStatistics>(*from_handle<ModelStatistics>(info[0]));
  merge_statistics(*sum, *from_handle<ModelStatistics>(info[1]));
  return make_handle(info.Env(), sum);
}

Napi::Value save_statistics(const Napi::CallbackInfo& info) {
  auto statistics = from_handle<ModelStatistics>(info[0]);
  Work work = [statistics, path = string_argument(info[1], "path")](const Cancellation&,
                                                                    const Progress&) -> Conversion {
    StatisticsFile::write(path, *statistics);
    return [](Napi::Env env) { return env.Undefined(); };
  };
  return Environment::of(info.Env()).run(image_executor(), std::move(work));
}

Napi::Value load_statistics(const Napi::CallbackInfo& info) {
  Work work = [path = string_argument(info[0], "path")](const Cancellation&, const Progress&) -> Conversion {
    auto statistics = std::make_shared<ModelStatistics>(StatisticsFile::read(path));
    return [statistics](Napi::Env env) { return make_handle(env, statistics); };
  };
  return Environment::of(info.Env()).run(image_executor(), std::move(work));
}

/// (path, model)
Napi::Value load_published_statistics(const Napi::CallbackInfo& info) {
  auto model = from_handle<Model>(info[1]);
  Work work = [model, path = string_argument(info[0], "path")](const Cancellation&,
                                                               const Progress&) -> Conversion {
    auto statistics = std::make_shared<ModelStatistics>(
        StatisticsFile::read_published(path, model->network, model->fingerprint));
    return [statistics](Napi::Env env) { return make_handle(env, statistics); };
  };
  return Environment::of(info.Env()).run(image_executor(), std::move(work));
}

Napi::Value describe_statistics(const Napi::CallbackInfo& info) {
  auto env = info.Env();
  auto statistics = from_handle<ModelStatistics>(info[0]);
  auto layers = Napi::Array::New(env, statistics->layers.size());
  for (size_t i = 0; i < statistics->layers.size(); ++i) {
    const auto& layer = statistics->layers[i];
    auto entry = Napi::Object::New(env);
    entry.Set("name", layer.layer());
    entry.Set("shape", to_shape(env, layer.shape()));
    entry.Set("samples", Napi::Number::New(env, static_cast<double>(layer.samples())));
    entry.Set("afterRelu", layer.after_relu());
    layers.Set(static_cast<uint32_t>(i), entry);
  }
  auto description = Napi::Object::New(env);
  description.Set("model", statistics->architecture);
  description.Set("weightHash", statistics->weight_hash);
  description.Set("preset", preset_name(statistics->preset));
  description.Set("layers", layers);
  return description;
}

/// Mean, standard deviation and activity of one layer in a preset's convention.
Napi::Value read_layer_statistics(const Napi::CallbackInfo& info) {
  auto env = info.Env();
  auto statistics = from_handle<ModelStatistics>(info[0]);
  const auto& layer = statistics->layer(string_argument(info[1], "layer"));
  auto preset = preset_argument(info[2]);
  double minimum_std = number_argument(info[3], "minimumStd");
  auto result = Napi::Object::New(env);
  result.Set("mean", to_float_array(env, layer.mean(preset)));
  result.Set("std", to_float_array(env, layer.standard_deviation(preset, minimum_std)));
  result.Set("active", to_byte_array(env, layer.active(preset).to(at::kByte)));
  result.Set("shape", to_shape(env, layer.shape()));
  return result;
}

Napi::Value dispose_statistics(const Napi::CallbackInfo& info) {
  dispose_handle<ModelStatistics>(info[0]);
  return info.Env().Undefined();
}

}  // namespace

void export_statistics(Napi::Object exports) {
  export_function<create_statistics>(exports, "createStatistics");
  export_function<take_in_images>(exports, "updateStatistics");
  export_function<merge>(exports, "mergeStatistics");
  export_function<save_statistics>(exports, "saveStatistics");
  export_function<load_statistics>(exports, "loadStatistics");
  export_function<load_published_statistics>(exports, "loadPublishedStatistics");
  export_function<describe_statistics>(exports, "describeStatistics");
  export_function<read_layer_statistics>(exports, "readLayerStatistics");
  export_function<dispose_statistics>(exports, "disposeStatistics");
}

}  // namespace iba::binding
