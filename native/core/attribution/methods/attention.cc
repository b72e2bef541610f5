#include "attribution/attention.h"

#include <optional>

#include "attribution/in_float.h"
#include "attribution/methods/methods.h"
#include "image/enlarge.h"

namespace iba {

namespace {

Tensor passed(const Tensor& row, const Tensor& matrices) {
  return at::bmm(row.unsqueeze(1), matrices).squeeze(1);
}

/// A method whose map is what arrives of a row over the tokens, at their places.
class AttentionMap : public Method {
 public:
  std::vector<Attribution> attribute(const Batch& batch) const override {
    auto carried = attention_.carry_back(
        batch, [this](const Tensor& row, const Attended& attended) { return carry(row, attended); });
    Tensor places = carried.places.cpu();
    std::vector<Attribution> attributions;
    for (int64_t b = 0; b < batch.size(); ++b) {
      Attribution attribution = carried.targets.attribution(b);
      attribution.raw = places[b].unsqueeze(0).contiguous();
      attribution.map = enlarge(places[b], batch.image_size());
      attributions.push_back(std::move(attribution));
    }
    return attributions;
  }

 protected:
  AttentionMap(const Network& network, const std::string& name)
      : network_(network), attention_(network_, name) {}

  virtual Tensor carry(const Tensor& row, const Attended& attended) const = 0;

 private:
  const Network& network_;
  TokenAttention attention_;
};

class AttentionRollout : public AttentionMap {
 public:
  explicit AttentionRollout(const MethodContext& context)
      : AttentionMap(context.network, "Attention rollout"),
        discard_(context.options.number("discard")),
        fusion_(context.options.text("fusion")) {}

 private:
  Tensor carry(const Tensor& row, const Attended& attended) const override {
    Tensor weights = without_lowest(fused(attended.weights));
    Tensor mixed = weights + at::eye(weights.size(1), weights.options());
    return passed(row, mixed / mixed.sum(2, true));
  }

  Tensor fused(const Tensor& weights) const {
    if (fusion_ == "max") return weights.amax(1);
    if (fusion_ == "min") return weights.amin(1);
    return weights.mean(1);
  }

  Tensor without_lowest(const Tensor& weights) const {
    Tensor all = weights.flatten(1);
    auto count = static_cast<int64_t>(discard_ * static_cast<double>(all.size(1)));
    if (count == 0) return weights;
    Tensor lowest = std::get<1>(at::topk(all, count, 1, false));
    return all.scatter(1, lowest, 0).view_as(weights);
  }

  double discard_;
  std::string fusion_;
};

class GenericAttention : public AttentionMap {
 public:
  explicit GenericAttention(const MethodContext& context)
      : AttentionMap(context.network, "Generic attention explainability") {
    if (context.options.has("blocks")) blocks_ = context.options.whole("blocks");
  }

 private:
  Tensor carry(const Tensor& row, const Attended& attended) const override {
    if (blocks_ && attended.above >= *blocks_) return row;
    Tensor relevant = (attended.weights * attended.derivative).relu_().mean(1);
    return row + passed(row, relevant);
  }

  std::optional<int64_t> blocks_;
};

}  // namespace

MethodEntry attention_rollout_method() {
  return {"attention-rollout",
          "how much of each token flows into what a transformer's classes are read from, by its attention "
          "alone: the same for each class",
          "Abnar and Zuidema 2020",
          with_common_options(
              {number_option("discard", "the share of the lowest attention that is dropped in each block", 0,
                             0, 1),
               choice_option("fusion", "what is taken of the attention of a block's heads", "mean",
                             {"mean", "max", "min"})}),
          make_in_float<AttentionRollout>};
}

MethodEntry generic_attention_method() {
  return {"generic-attention",
          "the attention of a transformer, weighted by its positive derivatives of the logit, carried from "
          "block to block",
          "Chefer et al. 2021",
          with_common_options({whole_option("blocks",
                                            "of how many blocks attention counts, from the last one on "
                                            "(default: of all; its authors take 1 for CLIP)",
                                            1, 1)
                                   .without_default()}),
          make_in_float<GenericAttention>};
}

}  // namespace iba
