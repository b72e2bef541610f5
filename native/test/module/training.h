#pragma once

#include "binding/napi.h"

namespace iba::binding {

/// Adds the functions that train a classifier to the module's exports.
void export_training(Napi::Object exports);

}  // namespace iba::binding
