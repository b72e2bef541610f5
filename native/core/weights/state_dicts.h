#pragma once

#include <string>
#include <vector>

#include "io/safetensors.h"
#include "weights/pickle.h"

namespace iba {

/// A dict of tensors of a file.
struct StateDict {
  /// The keys that lead to it, as in "checkpoint.model"; empty for the file's top.
  std::string place;
  NamedTensors tensors;
  /// Entries that are objects, with the names of their classes: some of them, for messages.
  std::vector<std::pair<std::string, std::string>> objects;
};

/// All dicts below a value that hold tensors, the most likely state dict first: where training scripts put
/// the network's, then the top, then the others, and last the averages of weights. Throws Malformed where
/// there is none.
std::vector<StateDict> find_state_dicts(const pickle::Value& top);

}  // namespace iba
