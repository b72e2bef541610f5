#pragma once

#include <string>

#include "weights/pickle_node.h"

namespace iba::pickle {

/// An integer as protocol 2 writes it: in two's complement, the lowest byte first. A BigInt where it takes
/// more than 64 bits.
Payload integer_of_bytes(std::string little_endian);

/// An integer as protocol 1 writes it: in decimal digits, a long with an L behind them, and "00" or "01" for
/// a bool. Throws Malformed for what is none.
Payload integer_of_digits(std::string digits);

}  // namespace iba::pickle
