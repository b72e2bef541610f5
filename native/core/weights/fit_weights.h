#pragma once

#include <set>
#include <string>
#include <vector>

#include "weights/state_dicts.h"

namespace iba {

/// What a network needs of a file.
struct WantedWeights {
  std::string architecture;
  /// The names of its parameters and buffers.
  std::vector<std::string> parameters;
  /// The names of its modules at the top, those without parameters as well: a tensor in one of them belongs
  /// to a network that computes something else.
  std::set<std::string> modules;
};

/// The tensors for a network under its own names, and what a user should know of how they were found.
struct FittedWeights {
  NamedTensors tensors;
  std::vector<std::string> notes;
  /// What stands where tensors should: "fc.weight is an object of the class x.Y", "fc.weight is
  /// reparametrized".
  std::vector<std::string> objects;
};

/// Finds a network's weights among the dicts of a file, of which there is at least one: the dict, and the
/// prefix of its names, under which most of the network's parameters are; of several the first. The prefix is
/// what wrappers such as DataParallel, torch.compile and Lightning put before all names; they may also stand
/// inside of names. If all parameters are there, tensors outside of the network's modules are left out. All
/// this is said in the notes.
FittedWeights fit_weights(const std::vector<StateDict>& dicts, const WantedWeights& wanted);

}  // namespace iba
