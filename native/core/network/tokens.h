#pragma once

#include <optional>

#include "network/network.h"

namespace iba {

/// Where a network of token ids looks its input up.
struct TokenTable {
  int64_t size;      // how many tokens there are: ids are from 0 to below it
  ValueId embedded;  // what it found (N, T, C)
};

/// Whether the input is token ids rather than images: whole numbers (N, 1, 1, T), pictures of one row, which
/// have no channels.
bool takes_tokens(const Network& network);

/// The table that the input itself is looked up in. Absent where it isn't.
std::optional<TokenTable> find_token_table(const Network& network);

/// From where on a network can be differentiated: its input, or what it looked up for its token ids.
ValueId first_differentiable(const Network& network);

}  // namespace iba
