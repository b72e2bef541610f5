#pragma once

#include "bottleneck/conventions.h"

namespace iba {

constexpr auto enum_names(Preset) {
  return kPresetNames;
}

}  // namespace iba
