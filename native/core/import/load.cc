#include "import/load.h"

#include "error.h"
#include "io/text.h"
#include "network/seeded_weights.h"
#include "network/two_classes.h"
#include "weights/fit_weights.h"
#include "weights/transformers_names.h"
#include "weights/weight_file.h"

namespace iba {

namespace {

/// The names are the same at every width.
WantedWeights wanted_weights(const std::string& architecture) {
  const Network network = build_network(architecture, {.classes = 1, .hidden = 1});
  WantedWeights wanted{architecture, {}, {}};
  for (const auto& [name, tensor] : network.parameters()) wanted.parameters.push_back(name);
  for (const auto& step : network.steps) wanted.modules.insert(io::split(step.module, '.').front());
  return wanted;
}

[[noreturn]] void refuse_objects(const LoadOptions& options, const std::vector<std::string>& objects) {
  throw Error(ErrorCode::weights,
              "'" + options.weights->string() + "': " + io::joined_some(objects) +
                  ", expected plain tensors. Remove weight norm, pruning and the like, and save the model's "
                  "state_dict().");
}

}  // namespace

Network load_network(const LoadOptions& options) {
  if (!options.weights) {
    Network network = build_network(options.architecture, options.zoo);
    seed_weights(network, options.seed);
    network.outputs = options.outputs;
    take_two_classes(network);
    return network;
  }
  std::vector<StateDict> dicts = read_state_dicts(*options.weights);
  for (StateDict& dict : dicts) rename_from_transformers(dict);
  FittedWeights weights = fit_weights(dicts, wanted_weights(options.architecture));
  if (!weights.objects.empty()) refuse_objects(options, weights.objects);
  Network network =
      build_network(options.architecture, options_from_weights(options.architecture, weights.tensors));
  network.load(weights.tensors);
  network.require_finite_weights();
  network.notes = std::move(weights.notes);
  network.outputs = options.outputs;
  take_two_classes(network);
  return network;
}

}  // namespace iba
