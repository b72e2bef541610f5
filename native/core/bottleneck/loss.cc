#include "bottleneck/loss.h"

#include "bottleneck/shared_mask.h"

namespace iba {

namespace {

/// A further layer of a pass: the copies' activations are each their own.
struct FurtherPass {
  const NoisedLayer& layer;
  Mask mask;       // (B·S, h, w, 1)
  Tensor noise;    // (B·S, 1, h, w, C)
  Tensor centred;  // (B·S, h, w, C)
  Tensor noised;   // (B·S, 1, h, w, C)

  Tensor forward(const Tensor& made) {
    centred = layer.centre(layer.grid().to_pixels(made.to(at::kFloat)));
    noised = layer.mix(centred, mask, noise);
    return layer.grid().from_pixels(noised.squeeze(1));
  }

  /// Gives ∂L/∂R for ∂L/∂Z, and leaves ∂L/∂λ (B·S, h, w, C).
  Tensor backward(const Tensor& by_read, Tensor& by_mask) const {
    Tensor by_noised = layer.grid().to_pixels(by_read.to(at::kFloat)).unsqueeze(1);
    by_mask = at::zeros_like(centred);
    layer.mix_backward(centred, mask, noise, noised, by_noised, by_mask);
    return layer.grid().from_pixels(layer.signal_gradient(mask, noised, by_noised));
  }
};

}  // namespace

BottleneckLoss::BottleneckLoss(const Cut& cut, const NoisedLayer& layer, const Tensor& activation,
                               Values skipping)
    : BottleneckLoss(cut, layer, activation, std::move(skipping), Variant{}) {}

BottleneckLoss::BottleneckLoss(const Cut& cut, const NoisedLayer& layer, const Tensor& activation,
                               Values skipping, Variant variant, std::vector<Further> further)
    : cut_(cut),
      layer_(layer),
      variant_(std::move(variant)),
      further_(std::move(further)),
      centred_(layer.centre(layer.grid().to_pixels(activation.to(at::kFloat)))),
      normalised_(layer.normalise(centred_)),
      skipping_(std::move(skipping)) {}

BottleneckLoss::Terms BottleneckLoss::forward(const Mask& mask, const Noise& noise,
                                              const Objective& objective, bool differentiable) const {
  Terms terms = information(mask);
  add_outputs(terms, noise, differentiable);
  terms.objective = &objective;
  terms.losses = objective.loss(terms.outputs);
  terms.fit = terms.losses.view({-1, noise[0].size(1)}).mean(1, false, at::kDouble);
  return terms;
}

BottleneckLoss::Terms BottleneckLoss::information(const Mask& mask) const {
  Terms terms;
  terms.mask = mask;
  terms.capacity = variant_.passing.defined() ? capacity_beyond(normalised_, mask, variant_.passing)
                                              : layer_.capacity(normalised_, mask);
  terms.information =
      terms.capacity.sum({1, 2, 3}, false, at::kDouble).div_(static_cast<double>(layer_.restricted()));
  return terms;
}

/// How much of the activation is kept, and how much noise comes in.
Mask BottleneckLoss::mixing_mask(const Mask& mask) const {
  return variant_.is_inverse ? Mask{mask.drop, mask.keep} : mask;
}

void BottleneckLoss::add_outputs(Terms& terms, const Noise& noise, bool differentiable) const {
  const int64_t copies = noise[0].size(1);
  terms.noise = noise[0];
  terms.noised = layer_.mix(centred_, mixing_mask(terms.mask), terms.noise, cut_.type());
  terms.by_masks = std::make_shared<std::vector<Tensor>>(further_.size());
  for (size_t i = 0; i < further_.size(); ++i) {
    const auto& [layer, value] = further_[i];
    Mask mask = repeated(resized(mixing_mask(terms.mask), layer_.grid(), layer.grid()), copies);
    auto pass = std::make_shared<FurtherPass>(
        FurtherPass{layer, mask, noise[i + 1].flatten(0, 1).unsqueeze(1), {}, {}});
    terms.alterations.push_back({value, [pass](const Tensor& made) { return pass->forward(made); },
                                 [pass, found = terms.by_masks, i](const Tensor& by_read) {
                                   return pass->backward(by_read, (*found)[i]);
                                 }});
  }
  Tensor behind = layer_.grid().from_pixels(terms.noised.flatten(0, 1));
  terms.outputs = cut_.after(skipping_for(copies), std::move(behind), differentiable ? &terms.tape : nullptr,
                             terms.alterations);
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

/// ∂L_F/∂outputs of each copy. Of the inverse loss the sign is left to the mask, which mixes the other way
/// round.
Tensor BottleneckLoss::loss_gradient(const Terms& terms) const {
  Tensor gradient = terms.objective->loss_gradient(terms.outputs);
  if (variant_.is_inverse && variant_.limit)
    gradient = gradient.masked_fill((terms.losses > *variant_.limit).unsqueeze(1), 0);
  return gradient.div_(static_cast<double>(terms.noise.size(1)));
}

Tensor BottleneckLoss::information_derivative(const Mask& mask) const {
  return variant_.passing.defined() ? capacity_beyond_derivative(normalised_, mask, variant_.passing)
                                    : capacity_derivative(normalised_, mask);
}

Tensor BottleneckLoss::backward(Terms terms, double beta) const {
  // ∂L_F/∂Z
  Tensor by_noised = cut_.backward_in_precision(terms.tape, loss_gradient(terms), terms.alterations);
  by_noised = layer_.grid().to_pixels(by_noised).view_as(terms.noise);
  // ∂L/∂λ = β·∂L_I/∂λ + ∂L_F/∂Z·∂Z/∂λ. The inverse mixes with 1 − λ for λ and subtracts L_F: both signs
  // cancel.
  Tensor by_mask = information_derivative(terms.mask);
  by_mask.mul_(beta / static_cast<double>(layer_.restricted()));
  layer_.mix_backward(centred_, mixing_mask(terms.mask), terms.noise, terms.noised, std::move(by_noised),
                      by_mask);
  if (further_.empty()) return by_mask;
  by_mask = layer_.over_channels(std::move(by_mask));
  for (size_t i = 0; i < further_.size(); ++i) {
    const NoisedLayer& layer = further_[i].layer;
    Tensor of_copies = layer.over_channels((*terms.by_masks)[i]);
    auto shape = of_copies.sizes().vec();
    shape[0] = terms.noise.size(1);
    shape.insert(shape.begin(), terms.noise.size(0));
    Tensor of_images = of_copies.view(shape).sum(1);
    by_mask.add_(resized_adjoint(of_images, layer_.grid(), layer.grid(), terms.mask.keep));
  }
  return by_mask;
}

}  // namespace iba
