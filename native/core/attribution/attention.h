#pragma once

#include <functional>
#include <string>
#include <vector>

#include "attribution/passes.h"

namespace iba {

/// What one step of self-attention did for the images that went through together: the weights P of its values
/// (N, heads, T, T), whose rows add up to 1, and the derivative of the explained output with respect to them.
struct Attended {
  Tensor weights;
  Tensor derivative;
  int64_t above = 0;  // how many steps of attention lie between it and the output
};

/// What makes of a row over the tokens (N, T), as it is above an attention, the row below it.
using CarryBack = std::function<Tensor(const Tensor& row, const Attended& attended)>;

/// The self-attention of a network of tokens, one after the other: `scaled_dot_product_attention`, or a
/// softmax whose output weights a sum.
class TokenAttention {
 public:
  /// The network must outlive it. `method` is its name in errors. Throws MODEL for a network without
  /// attention, naming what it has instead, for one whose attention is no chain, and for one whose tokens
  /// have no known places.
  TokenAttention(const Network& network, std::string method);

  struct Carried {
    Tensor places;  // (B, h, w), without the class token and its like
    Targets targets;
  };
  /// Carries a row back through all attention. It begins with equal shares of the tokens that the output is
  /// read from behind the last one: the class token alone, or all that are averaged. Throws MODEL where
  /// attention isn't among all tokens of an image, such as within windows.
  Carried carry_back(const Batch& batch, const CarryBack& carry) const;

 private:
  struct Found {
    size_t step;
    bool is_softmax;
  };
  class Run;

  void find_attention();
  void find_tokens();
  void require_chain() const;
  void require_tokens(int64_t expected, int64_t found) const;
  Attended attended(const Found& found, const StepState& state, const Tensor& gradient, int64_t images) const;
  [[noreturn]] void refuse(const std::string& why) const;

  const Network& network_;
  std::string method_;
  std::vector<Found> found_;
  const Layer* tokens_ = nullptr;  // the last ones in front of the first attention
};

}  // namespace iba
