#pragma once

#include "weights/state_dicts.h"

namespace iba {

/// Gives the parameters of a ResNet of Hugging Face's transformers the names that torchvision gives them; any
/// other dict stays as it is.
void rename_from_transformers(StateDict& dict);

}  // namespace iba
