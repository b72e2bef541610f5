#include "attribution/methods/methods.h"

#include <ATen/CPUGeneratorImpl.h>

#include "attribution/passes.h"

namespace iba {

namespace {

Tensor random_map(int64_t height, int64_t width, uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  Tensor order = at::randperm(height * width, generator, at::kLong);
  return at::linspace(-1, 1, height * width).index_select(0, order).view({height, width});
}

Tensor zero_map(int64_t height, int64_t width, uint64_t) {
  return at::zeros({height, width});
}

template <Tensor (*make_map)(int64_t, int64_t, uint64_t)>
class Uninformed : public Method {
 public:
  explicit Uninformed(const MethodContext& context) : network_(context.network) {}

  std::vector<Attribution> attribute(const Batch& batch) const override {
    Steps steps(batch, runs_of(batch));
    Targets targets = find_targets(network_, batch, steps);
    std::vector<Attribution> attributions;
    for (int64_t b = 0; b < batch.size(); ++b) {
      Attribution attribution = targets.attribution(b);
      attribution.map = make_map(batch.images.size(2), batch.images.size(3), batch.requests[b].seed);
      attribution.raw = attribution.map.unsqueeze(0);
      attributions.push_back(std::move(attribution));
    }
    return attributions;
  }

 private:
  const Network& network_;
};

}  // namespace

MethodEntry random_method() {
  return {"random", "the numbers from -1 to 1 in a random order, as a map to be better than",
          "Schulz et al. 2020", with_common_options(), make_method<Uninformed<random_map>>};
}

MethodEntry zero_method() {
  return {"zero", "a map of zeros, to check evaluations with", "Schulz et al. 2020", with_common_options(),
          make_method<Uninformed<zero_map>>};
}

}  // namespace iba
