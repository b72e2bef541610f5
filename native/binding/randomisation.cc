#include <algorithm>

#include "arguments.h"
#include "environment.h"
#include "executors.h"
#include "handles.h"
#include "module.h"
#include "network/fingerprint.h"
#include "network/seeded_weights.h"

namespace iba::binding {

namespace {

std::string module_of(const std::string& parameter) {
  return parameter.substr(0, parameter.rfind('.'));
}

/// The modules that have parameters, in execution order.
Napi::Value parameter_modules(const Napi::CallbackInfo& info) {
  auto model = from_handle<Model>(info[0]);
  std::vector<std::string> modules;
  for (const auto& [name, tensor] : std::as_const(model->network).parameters()) {
    auto module = module_of(name);
    if (std::find(modules.begin(), modules.end(), module) == modules.end()) modules.push_back(module);
  }
  return to_array(info.Env(), modules);
}

/// (model, modules, seed) → a copy whose parameters of these modules have learnt nothing.
Napi::Value reinitialise(const Napi::CallbackInfo& info) {
  auto model = from_handle<Model>(info[0]);
  auto modules = strings_argument(info[1], "modules");
  auto seed = static_cast<uint64_t>(integer_argument(info[2], "seed"));
  Work work = [=](const Cancellation&, const Progress&) -> Conversion {
    auto copy = std::make_shared<Model>(*model);
    seed_weights(copy->network, seed, [&](const std::string& name) {
      return std::find(modules.begin(), modules.end(), module_of(name)) != modules.end();
    });
    copy->fingerprint = weight_fingerprint(copy->network);
    copy->network.to(copy->device);
    return [copy](Napi::Env env) { return make_handle(env, copy); };
  };
  return Environment::of(info.Env()).run(executor_of(model->device), std::move(work));
}

}  // namespace

void export_randomisation(Napi::Object exports) {
  export_function<parameter_modules>(exports, "parameterModules");
  export_function<reinitialise>(exports, "reinitialise");
}

}  // namespace iba::binding
