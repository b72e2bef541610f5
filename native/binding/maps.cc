#include "calls.h"
#include "evaluation/localisation.h"
#include "evaluation/similarity.h"
#include "module.h"

namespace iba {

void fields(Of<Similarity> auto& similarity, auto&& field) {
  field("ssim", similarity.ssim);
  field("spearman", similarity.spearman);
}

void fields(Of<Localisation> auto& found, auto&& field) {
  field("pixels", found.pixels);
  field("score", found.score);
  field("mass", found.mass);
}

}  // namespace iba

namespace iba::binding {

namespace {

/// Throws INVALID_ARGUMENT unless they are a map (H, W) and another, or a mask of bytes, of its size.
void check_pair(const at::Tensor& map, const at::Tensor& other, at::ScalarType type = at::kFloat) {
  bool fits = map.dim() == 2 && map.numel() > 0 && map.sizes() == other.sizes() &&
              map.scalar_type() == at::kFloat && other.scalar_type() == type;
  if (fits) return;
  throw Error(ErrorCode::invalid_argument,
              type == at::kByte ? "Expected a map (height, width) and a mask of bytes of its size."
                                : "Expected two maps (height, width) of one size.");
}

double structural_similarity(const at::Tensor& a, const at::Tensor& b, int64_t window, double range) {
  check_pair(a, b);
  return ssim(a, b, window, range);
}

double rank_correlation(const at::Tensor& a, const at::Tensor& b) {
  check_pair(a, b);
  return spearman(a, b);
}

Similarity compare_maps(const at::Tensor& original, const at::Tensor& map) {
  check_pair(original, map);
  return map_similarity(original, map);
}

Localisation localise_map(const at::Tensor& map, const at::Tensor& mask) {
  check_pair(map, mask, at::kByte);
  return localise(map, mask);
}

bool point_at(const at::Tensor& map, const at::Tensor& mask, double tolerance) {
  check_pair(map, mask, at::kByte);
  return points_at(map, mask, tolerance);
}

}  // namespace

void export_maps(Napi::Object exports) {
  export_call<structural_similarity>(exports, "ssim", "a", "b", Parameter{"window", {1, 1 << 24}},
                                     Parameter{"range", {1e-300, 1e300}});
  export_call<rank_correlation>(exports, "spearman", "a", "b");
  export_call<compare_maps>(exports, "compareMaps", "original", "map");
  export_call<localise_map>(exports, "localise", "map", "mask");
  export_call<point_at>(exports, "pointsAt", "map", "mask", Parameter{"tolerance", {0, 1e6}});
}

}  // namespace iba::binding
