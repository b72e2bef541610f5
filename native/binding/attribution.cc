#include "arguments.h"
#include "attribution/registry.h"
#include "environment.h"
#include "executors.h"
#include "handles.h"
#include "module.h"

namespace iba::binding {

/// A method set up for a model, which it keeps alive.
struct BoundMethod {
  std::shared_ptr<Model> model;
  std::unique_ptr<Method> method;
  int64_t rows;
  bool keep_raw;
};

template <>
struct HandleType<BoundMethod> {
  static constexpr const char* name = "method";
  static constexpr napi_type_tag tag = {0x6a1d93f0b72e4c58, 0xc04b8e25d1976fa3};
};

namespace {

Napi::Value to_js(Napi::Env env, const std::optional<OptionValue>& value) {
  if (!value) return env.Null();
  if (const auto* number = std::get_if<double>(&*value)) return Napi::Number::New(env, *number);
  if (const auto* flag = std::get_if<bool>(&*value)) return Napi::Boolean::New(env, *flag);
  if (const auto* text = std::get_if<std::string>(&*value)) return Napi::String::New(env, *text);
  const auto& numbers = std::get<std::vector<double>>(*value);
  auto array = Napi::Array::New(env, numbers.size());
  for (size_t i = 0; i < numbers.size(); ++i) array.Set(static_cast<uint32_t>(i), numbers[i]);
  return array;
}

Napi::Value to_js(Napi::Env env, const OptionSpec& spec) {
  static constexpr std::array<const char*, 6> forms = {"number", "whole", "flag",
                                                       "choice", "text",  "numbers"};
  auto object = Napi::Object::New(env);
  object.Set("name", spec.name);
  object.Set("summary", spec.summary);
  object.Set("form", forms[static_cast<size_t>(spec.form)]);
  object.Set("standard", to_js(env, spec.standard));
  object.Set("paper", to_js(env, spec.paper ? spec.paper : spec.standard));
  object.Set("minimum", spec.minimum);
  object.Set("maximum", spec.maximum);
  object.Set("choices", to_array(env, spec.choices));
  object.Set("required", spec.required);
  return object;
}

Napi::Value list_methods(const Napi::CallbackInfo& info) {
  auto env = info.Env();
  auto result = Napi::Array::New(env);
  for (const auto& entry : methods()) {
    auto object = Napi::Object::New(env);
    object.Set("name", entry.name);
    object.Set("summary", entry.summary);
    object.Set("source", entry.source);
    auto options = Napi::Array::New(env);
    for (const auto& spec : option_specs(entry)) options.Set(options.Length(), to_js(env, spec));
    object.Set("options", options);
    result.Set(result.Length(), object);
  }
  return result;
}

OptionValue option_value(const std::string& name, const Napi::Value& value) {
  if (value.IsNumber()) return number_argument(value, name.c_str());
  if (value.IsBoolean()) return boolean_argument(value, name.c_str());
  if (value.IsString()) return string_argument(value, name.c_str());
  auto array = array_argument(value, name.c_str());
  std::vector<double> numbers;
  for (uint32_t i = 0; i < array.Length(); ++i) numbers.push_back(number_argument(array[i], name.c_str()));
  return numbers;
}

std::map<std::string, OptionValue> given_options(const Napi::Object& object) {
  std::map<std::string, OptionValue> given;
  auto names = object.GetPropertyNames();
  for (uint32_t i = 0; i < names.Length(); ++i) {
    std::string name = string_argument(names[i], "an option's name");
    given[name] = option_value(name, object.Get(name));
  }
  return given;
}

/// (model, name, options) → the method, set up.
Napi::Value create_method(const Napi::CallbackInfo& info) {
  auto model = from_handle<Model>(info[0]);
  const auto& entry = find_method(string_argument(info[1], "method"));
  Options options(option_specs(entry), given_options(object_argument(info[2], "options")));
  Work work = [model, &entry, options](const Cancellation&, const Progress&) -> Conversion {
    auto bound = std::make_shared<BoundMethod>();
    bound->model = model;
    bound->rows = options.whole("rows");
    bound->keep_raw = options.flag("keepRaw");
    bound->method = entry.make(model->network, options);
    return [bound](Napi::Env env) { return make_handle(env, bound); };
  };
  return Environment::of(info.Env()).run(executor_of(model->device), std::move(work));
}

Napi::Value to_js(Napi::Env env, const Attribution& attribution, const std::string& unit) {
  auto object = Napi::Object::New(env);
  object.Set("target", Napi::Number::New(env, static_cast<double>(attribution.target)));
  object.Set("probability", attribution.probability);
  object.Set("map", to_float_array(env, attribution.map));
  object.Set("unit", unit);
  if (attribution.raw.defined()) {
    object.Set("raw", to_float_array(env, attribution.raw));
    object.Set("rawShape", to_shape(env, attribution.raw.sizes()));
  }
  auto checks = Napi::Object::New(env);
  for (const auto& [name, value] : attribution.checks) checks.Set(name, value);
  object.Set("checks", checks);
  return object;
}

/// (method, images, shape, requests, cancellation, onProgress) → one attribution for each image.
Napi::Value run(const Napi::CallbackInfo& info) {
  auto bound = from_handle<BoundMethod>(info[0]);
  auto images = images_argument(info[1], info[2], *bound->model);
  auto requests = requests_argument(info[3], images.size(0), *bound->model);
  RunOptions run_options{from_handle<Cancellation>(info[4]), info[5]};

  Work work = [=](const Cancellation& cancellation, const Progress& progress) -> Conversion {
    StepProgress steps = progress;
    auto device_images = images.to(bound->model->device);
    auto attributions = run_method(
        *bound->method, {device_images, requests, bound->rows, bound->keep_raw, cancellation, steps});
    for (auto& attribution : attributions) {
      if (!bound->keep_raw) attribution.raw.reset();
    }
    return [attributions, unit = bound->method->unit()](Napi::Env env) -> Napi::Value {
      auto array = Napi::Array::New(env, attributions.size());
      for (size_t i = 0; i < attributions.size(); ++i)
        array.Set(static_cast<uint32_t>(i), to_js(env, attributions[i], unit));
      return array;
    };
  };
  return Environment::of(info.Env())
      .run(executor_of(bound->model->device), std::move(work), std::move(run_options));
}

Napi::Value dispose_method(const Napi::CallbackInfo& info) {
  dispose_handle<BoundMethod>(info[0]);
  return info.Env().Undefined();
}

}  // namespace

void export_attribution(Napi::Object exports) {
  export_function<list_methods>(exports, "methods");
  export_function<create_method>(exports, "createMethod");
  export_function<run>(exports, "runMethod");
  export_function<dispose_method>(exports, "disposeMethod");
}

}  // namespace iba::binding
