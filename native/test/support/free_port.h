#pragma once

#include <cstdint>

namespace iba::test {

/// A port of this machine that was free a moment ago.
uint16_t free_port();

}  // namespace iba::test
