#include "inputs.h"

#include "network/tokens.h"

namespace iba::binding {

void check_inputs(const at::Tensor& inputs, const Model& model) {
  if (!takes_tokens(model.network)) return check_images(inputs, model);
  bool fits = inputs.dim() == 4 && inputs.size(1) == 1 && inputs.size(2) == 1 && inputs.numel() > 0 &&
              inputs.scalar_type() == at::kLong;
  if (!fits) {
    throw Error(ErrorCode::invalid_argument, model.network.architecture +
                                                 " expects token ids of shape (N, 1, 1, tokens) in 64 bits, "
                                                 "none of them 0.");
  }
  require_image_size(model, inputs.size(2), inputs.size(3));
  auto table = find_token_table(model.network);
  const int64_t lowest = inputs.min().item<int64_t>(), highest = inputs.max().item<int64_t>();
  if (table && (lowest < 0 || highest >= table->size)) {
    throw Error(ErrorCode::invalid_argument, "Expected token ids from 0 to " +
                                                 std::to_string(table->size - 1) + ", but received " +
                                                 std::to_string(lowest < 0 ? lowest : highest) + ".");
  }
}

}  // namespace iba::binding
