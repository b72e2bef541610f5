#pragma once

#include "arguments.h"
#include "bottleneck/statistics.h"

namespace iba::binding {

inline Preset preset_argument(const Napi::Value& value) {
  auto name = string_argument(value, "preset");
  if (name == "iba") return Preset::iba;
  if (name == "paper") return Preset::paper;
  throw Error("INVALID_ARGUMENT", "Expected 'iba' or 'paper' for preset but received '" + name + "'.");
}

inline const char* preset_name(Preset preset) {
  return preset == Preset::paper ? "paper" : "iba";
}

}  // namespace iba::binding
