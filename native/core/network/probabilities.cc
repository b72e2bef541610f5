#include "network/probabilities.h"

namespace iba {

at::Tensor probabilities(const at::Tensor& logits) {
  return logits.size(1) == 1 ? at::sigmoid(logits) : at::softmax(logits, 1);
}

at::Tensor log_probabilities(const at::Tensor& logits) {
  return logits.size(1) == 1 ? at::log_sigmoid(logits) : at::log_softmax(logits, 1);
}

at::Tensor most_probable(const at::Tensor& logits) {
  return logits.size(1) == 1 ? logits.gt(0).to(at::kLong) - 1 : logits.argmax(1, true);
}

}  // namespace iba
