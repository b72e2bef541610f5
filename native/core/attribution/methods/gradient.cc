#include "attribution/methods/methods.h"

#include "attribution/in_float.h"
#include "attribution/maps.h"
#include "attribution/passes.h"
#include "network/tokens.h"

namespace iba {

namespace {

enum class Form { signed_gradient, saliency, times_input };

template <Form form>
class Gradient : public Method {
 public:
  explicit Gradient(const MethodContext& context)
      : network_(context.network),
        pass_(network_, first_differentiable(network_)),
        conventions_(context.options.conventions()) {}

  std::vector<Attribution> attribute(const Batch& batch) const override {
    auto found = pass_.run(batch);
    std::vector<Attribution> attributions;
    for (int64_t b = 0; b < batch.size(); ++b) {
      Tensor raw = as_image(found.arrived[b]);
      if (form == Form::times_input) raw = raw * as_image(found.activation[b]);
      Attribution attribution = found.targets.attribution(b);
      attribution.raw = raw.cpu().contiguous();
      attribution.map =
          form == Form::saliency ? saliency_map(attribution.raw) : signed_map(attribution.raw, conventions_);
      attributions.push_back(std::move(attribution));
    }
    return attributions;
  }

 private:
  /// What each token is looked up as (T, C) as the channels of a row of pixels.
  Tensor as_image(const Tensor& values) const {
    return takes_tokens(network_) ? values.t().unsqueeze(1) : values;
  }

  const Network& network_;
  BackwardPass pass_;
  const Conventions& conventions_;
};

}  // namespace

MethodEntry gradient_method() {
  return {"gradient", "the derivative of the logit with respect to each pixel, averaged over the colours",
          "Baehrens et al. 2010; Simonyan et al. 2014", with_common_options(),
          make_in_float<Gradient<Form::signed_gradient>>};
}

MethodEntry saliency_method() {
  return {"saliency", "the greatest absolute derivative over the colours of each pixel",
          "Simonyan et al. 2014", with_common_options(), make_in_float<Gradient<Form::saliency>>};
}

MethodEntry gradient_times_input_method() {
  return {"gradient-x-input", "the derivative times the pixel, averaged over the colours",
          "Shrikumar et al. 2016", with_common_options(), make_in_float<Gradient<Form::times_input>>};
}

}  // namespace iba
