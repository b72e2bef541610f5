#pragma once

#include "attribution/method.h"
#include "network/precision.h"

namespace iba {

/// A method that computes in float where the network is in bfloat16 too, of the weights that were rounded.
/// Its maps would show the rounding: a single gradient every sign that it turns, quotients of small
/// differences most of their digits, and masks of several layers what is lost in each.
template <typename M>
class InFloat : public Method {
 public:
  explicit InFloat(const MethodContext& context)
      : network_(in_float(context.network)),
        method_({network_, context.weight_hash, context.options, context.resources}) {}

  std::vector<Attribution> attribute(const Batch& batch) const override { return method_.attribute(batch); }
  std::string unit() const override { return method_.unit(); }

 private:
  Network network_;
  M method_;
};

/// A `make` for such a method.
template <typename M>
std::unique_ptr<Method> make_in_float(const MethodContext& context) {
  return make_method<InFloat<M>>(context);
}

}  // namespace iba
