#pragma once

#include "fields.h"

namespace iba::binding {

/// A device by its name: "cpu", "cuda" or "cuda:N". Throws DEVICE where it can't run.
template <>
at::Device read<at::Device>(const Napi::Value& value, const char* name, Bounds);

}  // namespace iba::binding
