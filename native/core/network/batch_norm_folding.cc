#include "network/batch_norm_folding.h"

#include "network/folded_weights.h"
#include "network/precision.h"

namespace iba {

Network fold_batch_norms(const Network& network) {
  Network result = in_float(network);
  for (const auto& [sum, norm] : norms_behind_sums(result)) {
    Operation &before = result.steps[sum].operation, &behind = result.steps[norm].operation;
    before = with_weights(before, folded_weights(*weights_of(before), std::get<BatchNorm>(behind)));
    behind = Identity{};
  }
  return result;
}

}  // namespace iba
