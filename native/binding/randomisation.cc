#include <algorithm>

#include "calls.h"
#include "executors.h"
#include "handles.h"
#include "module.h"
#include "network/fingerprint.h"
#include "network/precision.h"
#include "network/seeded_weights.h"

namespace iba::binding {

namespace {

std::string module_of(const std::string& parameter) {
  return parameter.substr(0, parameter.rfind('.'));
}

/// The modules that have parameters, in execution order.
std::vector<std::string> parameter_modules(const std::shared_ptr<Model>& model) {
  std::vector<std::string> modules;
  for (const auto& [name, tensor] : std::as_const(model->network).parameters()) {
    auto module = module_of(name);
    if (std::find(modules.begin(), modules.end(), module) == modules.end()) modules.push_back(module);
  }
  return modules;
}

/// A copy whose parameters of these modules have learnt nothing.
Task<std::shared_ptr<Model>> reinitialise(const std::shared_ptr<Model>& model,
                                          const std::vector<std::string>& modules, uint64_t seed) {
  return {executor_of(model->device), [=] {
            auto copy = std::make_shared<Model>(*model);
            seed_weights(copy->network, seed, [&](const std::string& name) {
              return std::find(modules.begin(), modules.end(), module_of(name)) != modules.end();
            });
            copy->fingerprint = weight_fingerprint(copy->network);
            copy->network.to(copy->device);
            copy->network = in_precision(std::move(copy->network), precision_of(model->network));
            return copy;
          }};
}

}  // namespace

void export_randomisation(Napi::Object exports) {
  export_call<parameter_modules>(exports, "parameterModules", "model");
  export_call<reinitialise>(exports, "reinitialise", "model", "modules", "seed");
}

}  // namespace iba::binding
