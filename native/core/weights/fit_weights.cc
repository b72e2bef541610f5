#include "weights/fit_weights.h"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "io/text.h"

namespace iba {

namespace {

/// Far more than a training script wraps a network into.
constexpr size_t kMostPrefixes = 64;

/// What wrappers call the module inside of them: DataParallel, torch.compile, FSDP, activation checkpointing.
constexpr std::array<std::string_view, 4> kWrapped{"module", "_orig_mod", "_fsdp_wrapped_module",
                                                   "_checkpoint_wrapped_module"};

/// A dict with the names that its tensors are taken by.
struct Reading {
  const StateDict* dict;
  std::vector<std::string> names;
  bool is_unwrapped;
};

/// One way to read the weights out of a file.
struct Fit {
  const Reading* reading;
  std::string prefix;
  size_t found;

  /// As a user names it: "'model_ema' without 'module.'".
  std::string text() const {
    const std::string& place = reading->dict->place;
    std::string text = place.empty() ? "the names" : "'" + place + "'";
    if (reading->is_unwrapped) text += " without the parts of wrappers such as 'module.' and '_orig_mod.'";
    if (!prefix.empty()) text += (reading->is_unwrapped ? " and '" : " without '") + prefix + "'";
    return text;
  }
};

std::string without_wrappers(const std::string& name) {
  std::vector<std::string> parts = io::split(name, '.');
  std::erase_if(parts, [](const std::string& part) {
    return std::find(kWrapped.begin(), kWrapped.end(), part) != kWrapped.end();
  });
  return io::joined(parts, ".");
}

std::vector<Reading> readings_of(const std::vector<StateDict>& dicts, bool unwrap) {
  std::vector<Reading> readings;
  for (const auto& dict : dicts) {
    Reading reading{&dict, {}, unwrap};
    for (const auto& [name, tensor] : dict.tensors) {
      reading.names.push_back(unwrap ? without_wrappers(name) : name);
    }
    readings.push_back(std::move(reading));
  }
  return readings;
}

/// What may stand before the names: what stands before the network's first or last parameter.
std::vector<std::string> prefixes_of(const Reading& reading, const std::vector<std::string>& parameters) {
  std::vector<std::string> prefixes{""};
  for (const auto& name : reading.names) {
    for (const auto& parameter : {parameters.front(), parameters.back()}) {
      if (!name.ends_with("." + parameter) || prefixes.size() == kMostPrefixes) continue;
      std::string prefix = name.substr(0, name.size() - parameter.size());
      if (std::find(prefixes.begin(), prefixes.end(), prefix) == prefixes.end()) prefixes.push_back(prefix);
    }
  }
  return prefixes;
}

std::vector<Fit> all_fits(const std::vector<Reading>& readings, const std::vector<std::string>& parameters) {
  std::vector<Fit> fits;
  for (const auto& reading : readings) {
    const std::unordered_set<std::string> names(reading.names.begin(), reading.names.end());
    for (const auto& prefix : prefixes_of(reading, parameters)) {
      const auto found = std::count_if(parameters.begin(), parameters.end(), [&](const auto& parameter) {
        return names.contains(prefix + parameter);
      });
      fits.push_back({&reading, prefix, static_cast<size_t>(found)});
    }
  }
  return fits;
}

/// Whether PyTorch makes the parameter anew out of others at each step: weight norm, spectral norm, pruning.
bool is_reparametrized(const std::string& parameter, const std::unordered_set<std::string>& names) {
  const size_t dot = parameter.rfind('.') + 1;
  const std::string inside = parameter.substr(0, dot) + "parametrizations." + parameter.substr(dot);
  const std::array<std::string, 4> parts{inside + ".original", inside + ".original0", parameter + "_g",
                                         parameter + "_orig"};
  return std::any_of(parts.begin(), parts.end(), [&](const auto& part) { return names.contains(part); });
}

const Fit& best_of(const std::vector<Fit>& fits) {
  return *std::max_element(fits.begin(), fits.end(),
                           [](const Fit& a, const Fit& b) { return a.found < b.found; });
}

/// Takes away the prefix and, if the fit is whole, the tensors that are outside of the network.
FittedWeights take(const Fit& fit, const WantedWeights& wanted, bool is_whole) {
  FittedWeights weights;
  std::vector<std::string> left_out;
  const StateDict& dict = *fit.reading->dict;
  for (size_t i = 0; i < dict.tensors.size(); ++i) {
    const auto& [name, tensor] = dict.tensors[i];
    std::string own = fit.reading->names[i];
    const bool has_prefix = own.starts_with(fit.prefix);
    if (has_prefix) own.erase(0, fit.prefix.size());
    if (is_whole && (!has_prefix || !wanted.modules.contains(own.substr(0, own.find('.'))))) {
      left_out.push_back(name);
    } else {
      weights.tensors.emplace_back(std::move(own), tensor);
    }
  }
  const std::unordered_set<std::string> parameters(wanted.parameters.begin(), wanted.parameters.end());
  for (const auto& [name, type] : dict.objects) {
    const bool is_wanted =
        name.starts_with(fit.prefix) && parameters.contains(name.substr(fit.prefix.size()));
    if (is_wanted) weights.objects.push_back(name + " is an object of the class " + type);
  }
  std::unordered_set<std::string> names;
  for (const auto& [name, tensor] : weights.tensors) names.insert(name);
  for (const auto& parameter : wanted.parameters) {
    if (names.contains(parameter) || !is_reparametrized(parameter, names)) continue;
    weights.objects.push_back(parameter + " is reparametrized");
  }
  if (!left_out.empty()) {
    weights.notes.push_back("Left out of the weights, as " + wanted.architecture +
                            " has no such parts: " + io::joined_some(left_out) + ".");
  }
  return weights;
}

/// What is worth saying of the choice: whatever is not the usual dict under its own names.
std::vector<std::string> notes_on(const Fit& fit, const std::vector<Fit>& fits) {
  std::vector<std::string> others;
  for (const auto& other : fits) {
    if (&other != &fit && other.found == fit.found) others.push_back(other.text());
  }
  std::vector<std::string> notes;
  const bool is_plain = fit.prefix.empty() && !fit.reading->is_unwrapped;
  if (!is_plain || !others.empty()) notes.push_back("The weights are " + fit.text() + " of the file.");
  if (!others.empty()) notes.push_back("These would fit as well: " + io::joined_some(others) + ".");
  return notes;
}

}  // namespace

FittedWeights fit_weights(const std::vector<StateDict>& dicts, const WantedWeights& wanted) {
  FittedWeights weights;
  for (const bool unwrap : {false, true}) {
    const std::vector<Reading> readings = readings_of(dicts, unwrap);
    const std::vector<Fit> fits = all_fits(readings, wanted.parameters);
    const Fit& best = best_of(fits);
    const bool is_whole = best.found == wanted.parameters.size();
    // What doesn't fit is told by the file's own names.
    if (is_whole || !unwrap) weights = take(best, wanted, is_whole);
    if (!is_whole) continue;
    std::vector<std::string> notes = notes_on(best, fits);
    weights.notes.insert(weights.notes.begin(), notes.begin(), notes.end());
    break;
  }
  return weights;
}

}  // namespace iba
