#include "attribution/registry.h"
#include "calls.h"
#include "executors.h"
#include "handles.h"
#include "inputs.h"
#include "module.h"
#include "runtime/device.h"
#include "targets.h"

namespace iba {

constexpr std::array<std::string_view, 8> enum_names(OptionSpec::Form) {
  return {"number", "whole", "flag", "choice", "text", "numbers", "array", "images"};
}

void fields(Of<OptionSpec> auto& spec, auto&& field) {
  field("name", spec.name);
  field("summary", spec.summary);
  field("form", spec.form);
  field("standard", spec.standard);
  field("paper", spec.paper ? spec.paper : spec.standard);
  field("minimum", spec.minimum);
  field("maximum", spec.maximum);
  field("choices", spec.choices);
}

constexpr auto enum_names(Resource) {
  return kResourceNames;
}

void fields(Of<BatchSize> auto& size, auto&& field) {
  field("cpu", size.cpu);
  field("cuda", size.cuda);
}

void fields(Of<MethodEntry> auto& entry, auto&& field) {
  field("name", entry.name);
  field("summary", entry.summary);
  field("source", entry.source);
  field("needs", entry.needs);
  field("takes", entry.takes);
  field("batch", entry.batch);
  field("options", entry.options);
}

/// What is explained of an image.
void explained_fields(auto& found, auto&& field) {
  field("target", found.target.is_class() ? found.target.index : -1);
  field("score", found.score);
  field("probability", found.probability);
}

void fields(Of<Attribution> auto& attribution, auto&& field) {
  explained_fields(attribution, field);
  field("map", attribution.map);
  field("checks", attribution.checks);
  field("series", attribution.series);
  field("tensors", attribution.tensors);
}

void fields(Of<StepReport> auto& report, auto&& field) {
  field("image", report.image);
  field("step", report.step);
  field("steps", report.steps);
  explained_fields(report, field);
  field("numbers", report.numbers);
  field("map", report.map);
  field("unit", report.unit);
}

void fields(Of<Request> auto& request, auto&& field) {
  field("target", request.target);
  field("seed", request.seed);
}

}  // namespace iba

namespace iba::binding {

/// A method set up for a model, which it keeps alive.
struct ModelMethod {
  std::shared_ptr<Model> model;
  PreparedMethod method;
};

template <>
struct HandleType<ModelMethod> {
  static constexpr char name[] = "method";
};

template <>
OptionValue read<OptionValue>(const Napi::Value& value, const char* name, Bounds) {
  if (value.IsNumber()) return number_argument(value, name);
  if (value.IsBoolean()) return boolean_argument(value, name);
  if (value.IsString()) return string_argument(value, name);
  if (value.IsObject() && !value.IsArray()) return tensor_argument(value, name);
  return read<std::vector<double>>(value, name);
}

namespace {

std::vector<MethodEntry> list_methods() {
  return methods();
}

struct GivenResources {
  std::optional<std::shared_ptr<ModelStatistics>> statistics;
  std::optional<std::shared_ptr<BoundPatterns>> patterns;
  std::optional<std::shared_ptr<Readout>> readout;

  Resources resources() const {
    Resources resources;
    if (statistics) resources.statistics = *statistics;
    if (patterns) resources.patterns = {*patterns, &(*patterns)->patterns};
    if (readout) resources.readout = *readout;
    return resources;
  }
};

void fields(Of<GivenResources> auto& given, auto&& field) {
  field("statistics", given.statistics);
  field("patterns", given.patterns);
  field("readout", given.readout);
}

struct MethodChoice {
  std::shared_ptr<Model> model;
  std::string method;
  std::map<std::string, OptionValue> options;
  GivenResources resources;
};

void fields(Of<MethodChoice> auto& choice, auto&& field) {
  field("model", choice.model);
  field("method", choice.method);
  field("options", choice.options);
  field("resources", choice.resources);
}

Task<std::shared_ptr<ModelMethod>> create_method(const MethodChoice& choice) {
  const auto& entry = find_method(choice.method);
  check_takes_input(entry, choice.model->network);
  return {executor_of(choice.model->device), [choice, &entry](const Cancellation&, const StepProgress&) {
            const auto& model = choice.model;
            return std::make_shared<ModelMethod>(
                ModelMethod{model, PreparedMethod(entry, model->network, model->fingerprint, choice.options,
                                                  choice.resources.resources())});
          }};
}

struct MethodRun {
  std::shared_ptr<ModelMethod> method;
  Tensor images;
  std::vector<Request> requests;
  std::optional<bool> step_maps;
};

void fields(Of<MethodRun> auto& run, auto&& field) {
  field("method", run.method);
  field("images", run.images);
  field("requests", run.requests);
  field("stepMaps", run.step_maps);
}

struct MethodResult {
  std::string unit;
  std::vector<Attribution> attributions;
};

void fields(Of<MethodResult> auto& result, auto&& field) {
  field("unit", result.unit);
  field("attributions", result.attributions);
}

Task<MethodResult> run_method(const MethodRun& run) {
  const auto& model = run.method->model;
  check_inputs(run.images, *model);
  if (static_cast<int64_t>(run.requests.size()) != run.images.size(0))
    throw Error(ErrorCode::invalid_argument, "Expected one request for each image.");
  for (const auto& request : run.requests) check_target(request.target, model->network);
  return {executor_of(model->device),
          [run](const Cancellation& cancellation, const StepProgress& progress,
                const StepTelling& tell_step) -> MethodResult {
            const PreparedMethod& method = run.method->method;
            auto images = sent_to(run.method->model->device, run.images);
            auto tell = [&](StepReport report) {
              tell_step([report = std::move(report)](Napi::Env env) { return write(env, report); });
            };
            const StepListener listener{tell, run.step_maps.value_or(false)};
            return {method.unit(), method.attribute(images, run.requests, cancellation, progress,
                                                    tell_step ? &listener : nullptr)};
          }};
}

}  // namespace

void export_attribution(Napi::Object exports) {
  export_call<list_methods>(exports, "methods");
  export_call<create_method>(exports, "createMethod");
  export_call<run_method>(exports, "runMethod");
}

}  // namespace iba::binding
