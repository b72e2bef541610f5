#include "module.h"

#include "environment.h"

namespace {

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  using namespace iba::binding;
  env.SetInstanceData(new Environment(env));
  export_runtime(exports);
  export_images(exports);
  export_weights(exports);
  export_model(exports);
  export_statistics(exports);
  export_attribution(exports);
  export_patterns(exports);
  export_evaluation(exports);
  export_maps(exports);
  export_randomisation(exports);
  export_readout(exports);
  export_readout_training(exports);
  export_processes(exports);
  return exports;
}

}  // namespace

#ifdef _WIN32
#define IBA_EXPORTED __declspec(dllexport)
#else
#define IBA_EXPORTED __attribute__((visibility("default")))
#endif

/// Called by the loader, once for each JavaScript environment.
extern "C" IBA_EXPORTED napi_value iba_init(napi_env env, napi_value exports) {
  return Napi::RegisterModule(env, exports, initialise);
}
