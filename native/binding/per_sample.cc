#include "bottleneck/per_sample.h"

#include "arguments.h"
#include "environment.h"
#include "executors.h"
#include "handles.h"
#include "module.h"
#include "presets.h"

namespace iba::binding {

namespace {

PerSampleOptions per_sample_options(const Napi::Object& object) {
  PerSampleOptions options;
  options.preset = preset_argument(object["preset"]);
  options.beta = number_argument(object["beta"], "beta");
  options.steps = integer_argument(object["steps"], "steps");
  options.copies = integer_argument(object["copies"], "copies");
  options.learning_rate = number_argument(object["learningRate"], "learningRate");
  options.sigma = number_argument(object["sigma"], "sigma", 0, 1000);
  options.minimum_std = number_argument(object["minimumStd"], "minimumStd");
  options.keep_capacity = boolean_argument(object["keepCapacity"], "keepCapacity");
  options.keep_steps = boolean_argument(object["keepSteps"], "keepSteps");
  if (options.steps < 1 || options.copies < 1) {
    throw Error("INVALID_ARGUMENT", "Expected at least 1 step and 1 noise copy.");
  }
  return options;
}

Napi::Value steps_to_js(Napi::Env env, const std::vector<PerSampleStep>& steps) {
  auto array = Napi::Array::New(env, steps.size());
  for (size_t i = 0; i < steps.size(); ++i) {
    auto entry = Napi::Object::New(env);
    entry.Set("loss", steps[i].loss);
    entry.Set("crossEntropy", steps[i].cross_entropy);
    entry.Set("information", steps[i].information);
    array.Set(static_cast<uint32_t>(i), entry);
  }
  return array;
}

Napi::Value result_to_js(Napi::Env env, const PerSampleResult& result) {
  auto object = Napi::Object::New(env);
  object.Set("target", Napi::Number::New(env, static_cast<double>(result.target)));
  object.Set("probability", result.probability);
  object.Set("map", to_float_array(env, result.map));
  object.Set("steps", steps_to_js(env, result.steps));
  if (result.capacity.defined()) {
    object.Set("capacity", to_float_array(env, result.capacity));
    object.Set("capacityShape", to_shape(env, result.capacity.sizes()));
  }
  auto maps = Napi::Array::New(env, result.step_maps.size());
  for (size_t i = 0; i < result.step_maps.size(); ++i) {
    maps.Set(static_cast<uint32_t>(i), to_float_array(env, result.step_maps[i]));
  }
  object.Set("stepMaps", maps);
  return object;
}

/// (model, statistics, layer, images, shape, requests, options, cancellation, onStep) → one result per image.
Napi::Value attribute(const Napi::CallbackInfo& info) {
  auto model = from_handle<Model>(info[0]);
  auto statistics = from_handle<ModelStatistics>(info[1]);
  auto layer = string_argument(info[2], "layer");
  auto images = images_argument(info[3], info[4], *model);
  auto requests = requests_argument(info[5], images.size(0), *model);
  auto options = per_sample_options(object_argument(info[6], "options"));
  RunOptions run_options{from_handle<Cancellation>(info[7]), info[8]};

  Work work = [=](const Cancellation& cancellation, const Progress& progress) -> Conversion {
    PerSampleBottleneck bottleneck(model->network, statistics->layer(layer), options);
    auto results = bottleneck.attribute(images.to(model->device), requests, cancellation, progress);
    return [results](Napi::Env env) -> Napi::Value {
      auto array = Napi::Array::New(env, results.size());
      for (size_t i = 0; i < results.size(); ++i)
        array.Set(static_cast<uint32_t>(i), result_to_js(env, results[i]));
      return array;
    };
  };
  return Environment::of(info.Env()).run(executor_of(model->device), std::move(work), std::move(run_options));
}

}  // namespace

void export_per_sample(Napi::Object exports) {
  export_function<attribute>(exports, "attributePerSample");
}

}  // namespace iba::binding
