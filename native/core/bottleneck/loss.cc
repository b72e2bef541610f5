#include "bottleneck/loss.h"

#include "runtime/device.h"

namespace iba {

BottleneckLoss::BottleneckLoss(const Cut& cut, const NoisedLayer& layer, const Tensor& activation,
                               Values skipping)
    : cut_(cut),
      layer_(layer),
      centred_(layer.centre(layer.grid().to_pixels(activation.to(at::kFloat)))),
      normalised_(layer.normalise(centred_)),
      skipping_(std::move(skipping)) {}

BottleneckLoss::Terms BottleneckLoss::forward(const Mask& mask, const Tensor& noise,
                                              const std::vector<int64_t>& targets,
                                              bool differentiable) const {
  Terms terms = information(mask);
  add_logits(terms, noise, differentiable);
  int64_t copies = noise.size(1);
  terms.targets = sent_to(noise.device(), at::tensor(targets)).repeat_interleave(copies).unsqueeze(1);
  Tensor log_probability = at::log_softmax(terms.logits, 1).gather(1, terms.targets);
  terms.cross_entropy = -log_probability.view({-1, copies}).mean(1, false, at::kDouble);
  return terms;
}

BottleneckLoss::Terms BottleneckLoss::information(const Mask& mask) const {
  Terms terms;
  terms.mask = mask;
  terms.capacity = layer_.capacity(normalised_, terms.mask);
  terms.information = terms.capacity.mean({1, 2, 3}, false, at::kDouble);
  return terms;
}

void BottleneckLoss::add_logits(Terms& terms, const Tensor& noise, bool differentiable) const {
  terms.noise = noise;
  terms.noised = layer_.mix(centred_, terms.mask, noise);
  Tensor behind = layer_.grid().from_pixels(terms.noised.flatten(0, 1));
  terms.logits =
      cut_.after(skipping_for(noise.size(1)), std::move(behind), differentiable ? &terms.tape : nullptr);
}

/// The values that skip the cut, a row for each copy.
const Values& BottleneckLoss::skipping_for(int64_t copies) const {
  if (copies == 1) return skipping_;
  if (copies != repeated_copies_) {
    Tensor images = at::arange(centred_.size(0), at::TensorOptions(centred_.device()).dtype(at::kLong));
    repeated_ = cut_.select(skipping_, images.repeat_interleave(copies));
    repeated_copies_ = copies;
  }
  return repeated_;
}

Tensor BottleneckLoss::backward(Terms terms, double beta) const {
  // ∂L_CE/∂logits = (p − 1[target])/S
  Tensor by_logits = at::log_softmax(terms.logits, 1).exp_();
  by_logits.scatter_add_(1, terms.targets, -at::ones_like(terms.targets, by_logits.options()));
  by_logits.div_(static_cast<double>(terms.noise.size(1)));
  // ∂L_CE/∂Z
  Tensor by_noised = cut_.backward(terms.tape, std::move(by_logits));
  by_noised = layer_.grid().to_pixels(by_noised).view_as(terms.noise);
  // ∂L/∂λ = β·∂L_I/∂λ + ∂L_CE/∂Z·∂Z/∂λ
  Tensor by_mask = capacity_derivative(normalised_, terms.mask);
  by_mask.mul_(beta / static_cast<double>(terms.capacity[0].numel()));
  layer_.mix_backward(centred_, terms.mask, terms.noise, terms.noised, std::move(by_noised), by_mask);
  return by_mask;
}

}  // namespace iba
