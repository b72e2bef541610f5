#include "network/rounding.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

namespace iba {

namespace {

/// What may be left of the sum of an output's rounding errors, as a share of their norm.
constexpr double kLeft = 0.01;

/// From so many weights on, the dearer turns are looked for only where the cheapest don't suffice.
constexpr int64_t kMany = 256;

/// A weight that could be rounded to its other neighbour.
struct Turn {
  float cost;  // what it adds to the squared error, for each unit of the step
  float step;  // from the nearest neighbour to the other
  size_t place;
};

/// Not a function, which the heap would call by its address.
constexpr auto is_dearer = [](const Turn& a, const Turn& b) { return a.cost > b.cost; };

/// The other neighbour, that on the side of the error.
float other_neighbour(at::BFloat16 nearest, float error) {
  const bool grows = (error > 0) == (static_cast<float>(nearest) > 0);
  return at::BFloat16(static_cast<uint16_t>(nearest.x + (grows ? 1 : -1)), at::BFloat16::from_bits());
}

/// The turns that bring a sum of errors nearer to 0, as a heap with the cheapest in front: those of errors
/// that are at least such a share of half a step.
void find_turns(const std::vector<float>& errors, const at::BFloat16* rounded, double sum, float share,
                std::vector<Turn>& turns) {
  turns.clear();
  for (size_t i = 0; i < errors.size(); ++i) {
    const float nearest = rounded[i], error = errors[i];
    const float step = other_neighbour(rounded[i], error) - nearest;
    const float cost = std::abs(step) - 2 * std::abs(error);
    if (cost > (1 - share) * std::abs(step) || error * sum <= 0 || nearest == 0 || !std::isfinite(step))
      continue;
    turns.push_back({cost, step, i});
  }
  std::make_heap(turns.begin(), turns.end(), is_dearer);
}

/// Memory that is used again.
struct Workspace {
  std::vector<float> errors;
  std::vector<Turn> turns;
};

/// So many weights, which are rounded to the nearest already.
void keep_sum(const float* weights, at::BFloat16* rounded, int64_t count, Workspace& space) {
  auto& [errors, turns] = space;
  errors.resize(count);
  double sum = 0, squares = 0;
  for (size_t i = 0; i < errors.size(); ++i) {
    errors[i] = weights[i] - static_cast<float>(rounded[i]);
    sum += errors[i];
    squares += static_cast<double>(errors[i]) * errors[i];
  }
  const double enough = kLeft * std::sqrt(squares);
  // Of many weights, a few that lie nearly between two neighbours mostly do.
  for (const float share : {0.9f, 0.0f}) {
    if (std::abs(sum) <= enough) return;
    if (share > 0 && count < kMany) continue;
    find_turns(errors, rounded, sum, share, turns);
    while (std::abs(sum) > enough && !turns.empty()) {
      std::pop_heap(turns.begin(), turns.end(), is_dearer);
      const auto [cost, step, place] = turns.back();
      turns.pop_back();
      if (std::abs(sum - step) >= std::abs(sum)) continue;
      sum -= step;
      rounded[place] = other_neighbour(rounded[place], errors[place]);
      errors[place] -= step;
    }
  }
}

/// The weights of one output, and those of each kernel among them.
void keep_sums(const float* weights, at::BFloat16* rounded, int64_t count, int64_t kernel, Workspace& space) {
  if (kernel > 1) {
    for (int64_t k = 0; k < count; k += kernel) keep_sum(weights + k, rounded + k, kernel, space);
  }
  if (kernel < count) keep_sum(weights, rounded, count, space);
}

/// In so many parts of it an error of up to a whole step, of either sign, fits a byte.
constexpr float kPartsOfStep = 127;
constexpr int64_t kGrain = 65536;

/// Of a bfloat16 number 2^e·1.f the step to its neighbour, 2^(e - 7). 0 of those too small for one.
float step_of(at::BFloat16 number) {
  return std::bit_cast<float>(static_cast<uint32_t>(number.x & 0x7F80) << 16) / 128;
}

}  // namespace

Rounded Rounded::of(const at::Tensor& exact, const at::Tensor& rounded) {
  const at::Tensor wanted = exact.detach().to(at::kCPU, at::kFloat).contiguous();
  const at::Tensor found = rounded.cpu().contiguous();
  at::Tensor errors = at::empty(wanted.sizes(), wanted.options().dtype(at::kChar));
  const float* from = wanted.const_data_ptr<float>();
  const auto* nearest = found.const_data_ptr<at::BFloat16>();
  auto* parts = errors.mutable_data_ptr<int8_t>();
  at::parallel_for(0, wanted.numel(), kGrain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float step = step_of(nearest[i]), error = from[i] - static_cast<float>(nearest[i]);
      const float share = step > 0 ? error / step * kPartsOfStep : 0;
      // In this order NaN becomes a number.
      parts[i] = static_cast<int8_t>(std::nearbyint(std::min(std::max(-kPartsOfStep, share), kPartsOfStep)));
    }
  });
  return {rounded, errors};
}

at::Tensor Rounded::exact() const {
  const at::Tensor found = tensor.cpu().contiguous();
  at::Tensor result = at::empty(found.sizes(), found.options().dtype(at::kFloat));
  const auto* nearest = found.const_data_ptr<at::BFloat16>();
  const auto* part = errors.const_data_ptr<int8_t>();
  auto* to = result.mutable_data_ptr<float>();
  at::parallel_for(0, found.numel(), kGrain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      to[i] =
          static_cast<float>(nearest[i]) + static_cast<float>(part[i]) * step_of(nearest[i]) / kPartsOfStep;
  });
  const auto layout = tensor.dim() == 4 ? tensor.suggest_memory_format() : at::MemoryFormat::Contiguous;
  return result.to(tensor.device()).contiguous(layout);
}

at::Tensor rounded_with_sums(const at::Tensor& weights) {
  // Contiguous, so that an output's weights lie beside each other.
  const at::Tensor exact = weights.detach().to(at::kCPU, at::kFloat).contiguous();
  at::Tensor rounded = exact.to(at::kBFloat16);
  const int64_t outputs = exact.size(0);
  if (exact.numel() == 0) return rounded;
  const int64_t count = exact.numel() / outputs;
  const int64_t kernel = exact.dim() == 4 ? exact.size(2) * exact.size(3) : 1;
  const float* from = exact.const_data_ptr<float>();
  auto* to = rounded.mutable_data_ptr<at::BFloat16>();
  at::parallel_for(0, outputs, 1, [&](int64_t begin, int64_t end) {
    Workspace space;
    for (int64_t output = begin; output < end; ++output)
      keep_sums(from + output * count, to + output * count, count, kernel, space);
  });
  return rounded.to(weights.device()).contiguous(weights.suggest_memory_format());
}

}  // namespace iba
