#include "calls.h"
#include "evaluation/degradation.h"
#include "evaluation/insertion_deletion.h"
#include "evaluation/numbers.h"
#include "evaluation/regions.h"
#include "evaluation/road.h"
#include "evaluation/sensitivity.h"
#include "evaluation/similarity.h"
#include "evaluation/tiles.h"
#include "evaluation/watched.h"
#include "executors.h"
#include "handles.h"
#include "image/superpixels.h"
#include "inputs.h"
#include "module.h"
#include "runtime/device.h"
#include "runtime/rows.h"
#include "targets.h"

namespace iba {

void fields(Of<ClassCurves> auto& curves, auto&& field) {
  field("mostRelevantFirst", curves.most_relevant_first);
  field("leastRelevantFirst", curves.least_relevant_first);
}

void fields(Of<Degradation> auto& result, auto&& field) {
  field("target", result.target);
  field("top1", result.top1);
  field("shares", result.shares);
  field("ofTarget", result.of_target);
  field("ofTop1", result.of_top1);
}

void fields(Of<InsertionDeletion> auto& result, auto&& field) {
  field("target", result.target);
  field("shares", result.shares);
  field("insertion", result.insertion);
  field("deletion", result.deletion);
  field("insertionArea", result.insertion_area);
  field("deletionArea", result.deletion_area);
}

constexpr std::array<std::string_view, 2> enum_names(BlurTails) {
  return {"cut", "folded"};
}

constexpr std::array<std::string_view, 2> enum_names(BlurBorder) {
  return {"zero", "mirror"};
}

void fields(Of<Blur> auto& blur, auto&& field) {
  field("size", blur.size, {1, 1 << 12});
  field("deviation", blur.deviation, {1e-3, 1e6});
  field("tails", blur.tails);
  field("border", blur.border);
}

void fields(Of<RegionCurves> auto& result, auto&& field) {
  field("target", result.target);
  field("regions", result.regions);
  field("shares", result.shares);
  field("probability", result.probability);
}

void fields(Of<Road> auto& result, auto&& field) {
  field("target", result.target);
  field("clean", result.clean);
  field("probability", result.probability);
  field("kept", result.kept);
}

void fields(Of<MaskedDrops> auto& result, auto&& field) {
  field("target", result.target);
  field("drop", numbers(result.drop));
  field("relevance", numbers(result.relevance));
  field("correlation", pearson(result.drop, result.relevance));
}

void fields(Of<Infidelity> auto& result, auto&& field) {
  field("target", result.target);
  field("value", result.value);
  field("scaled", result.scaled);
}

}  // namespace iba

namespace iba::binding {

namespace {

constexpr Bounds kCount{1, 1 << 24};

/// One image with its map, and how its changed versions are run.
struct Subject {
  std::shared_ptr<Model> model;
  Tensor image;  // (C, H, W)
  Tensor map;    // (H, W)
  Target target;
  std::optional<int64_t> rows = {};
};

void fields(Of<Subject> auto& subject, auto&& field) {
  field("model", subject.model);
  field("image", subject.image);
  field("map", subject.map);
  field("target", subject.target);
  field("rows", subject.rows, kCount);
}

/// Work of the model's executor: `evaluate(network, image on the device, settings)`.
template <typename Evaluate>
auto run(const Subject& subject, Evaluate evaluate)
    -> Task<std::invoke_result_t<Evaluate, const Network&, const Tensor&, RowSettings>> {
  check_images(subject.image.unsqueeze(0), *subject.model);
  check_target(subject.target, subject.model->network);
  if (subject.map.sizes() != subject.image.sizes().slice(1) || subject.map.scalar_type() != at::kFloat)
    throw Error(ErrorCode::invalid_argument, "Expected a map of the image's size.");
  return {executor_of(subject.model->device),
          [subject, evaluate](const Cancellation& cancellation, const StepProgress& progress) {
            at::NoGradGuard no_grad;
            const Model& model = *subject.model;
            const int64_t rows = subject.rows.value_or(kForwardRows.on(model.device));
            return evaluate(model.network, sent_to(model.device, subject.image),
                            RowSettings{rows, cancellation, progress, !subject.rows});
          }};
}

Task<Degradation> run_degradation(const Subject& subject, int64_t tile, int64_t points) {
  return run(subject, [=](const Network& network, const Tensor& image, RowSettings settings) {
    return degrade(network, image, subject.map, subject.target, tile, points, settings);
  });
}

Task<InsertionDeletion> run_insertion_deletion(const Subject& subject, int64_t step, const Blur& blur,
                                               const std::vector<double>& deleted) {
  const PixelSteps steps{step, blur, deleted};
  return run(subject, [=](const Network& network, const Tensor& image, RowSettings settings) {
    return insert_and_delete(network, image, subject.map, subject.target, steps, settings);
  });
}

Task<RegionCurves> run_replacement(const Subject& subject, const Tensor& labels,
                                   RegionReplacement replacement) {
  return run(subject, [=](const Network& network, const Tensor& image, RowSettings settings) {
    return replace_regions(network, image, subject.map, labels, subject.target, replacement, settings);
  });
}

RegionReplacement replacement_of(const std::string& baseline, uint64_t seed, int64_t most, bool both_ends) {
  return {baseline_named(baseline), {.seed = seed}, most, both_ends};
}

Task<RegionCurves> run_tile_replacement(const Subject& subject, int64_t tile, const std::string& baseline,
                                        uint64_t seed, int64_t most, bool both_ends) {
  const Tiles tiles(subject.image.size(1), subject.image.size(2), tile);
  return run_replacement(subject, tiles.of_pixels(), replacement_of(baseline, seed, most, both_ends));
}

Task<RegionCurves> run_segment_replacement(const Subject& subject, const Tensor& segments,
                                           const std::string& baseline, uint64_t seed, int64_t most,
                                           bool both_ends) {
  if (segments.sizes() != subject.map.sizes())
    throw Error(ErrorCode::invalid_argument, "Expected segments of the map's size.");
  return run_replacement(subject, segments.to(at::kLong), replacement_of(baseline, seed, most, both_ends));
}

Task<Road> run_road(const Subject& subject, const std::vector<double>& shares, double noise, uint64_t seed) {
  const RoadSettings removal{shares, noise, seed};
  return run(subject, [=](const Network& network, const Tensor& image, RowSettings settings) {
    return remove_and_debias(network, image, subject.map, subject.target, removal, settings);
  });
}

Tensor find_superpixels(const Tensor& image, int64_t count, double compactness) {
  if (image.dim() != 3 || image.size(2) != 3 || image.scalar_type() != at::kByte || image.numel() == 0)
    throw Error(ErrorCode::invalid_argument, "Expected an image (height, width, 3) of bytes.");
  return superpixels(image, {count, compactness}).to(at::kFloat);
}

/// A target's probability for each of some images, or its score where it has none. The first is the image as
/// it is, by which the target is settled.
struct Strengths {
  int64_t target;
  std::vector<double> strengths;
};

void fields(Of<Strengths> auto& found, auto&& field) {
  field("target", found.target);
  field("strengths", found.strengths);
}

Task<Strengths> watch(const std::shared_ptr<Model>& model, const Tensor& images, const Target& target) {
  check_inputs(images, *model);
  check_target(target, model->network);
  return {executor_of(model->device), [model, images, target] {
            Tensor outputs = logits(model->network, sent_to(model->device, images)).to(at::kCPU, at::kDouble);
            const Watched watched(target, model->network, outputs[0]);
            return Strengths{watched.index(), numbers(watched.strength(outputs))};
          }};
}

/// Throws INVALID_ARGUMENT where they are no masks (count, tiles) of bytes.
void check_masks(const Tensor& masks) {
  if (masks.dim() != 2 || masks.scalar_type() != at::kByte)
    throw Error(ErrorCode::invalid_argument, "Expected masks (count, tiles) of bytes.");
}

Task<MaskedDrops> run_masked_drops(const Subject& subject, const Tensor& masks, int64_t tile) {
  check_masks(masks);
  return run(subject, [=](const Network& network, const Tensor& image, RowSettings settings) {
    return masked_drops(network, image, subject.map, subject.target, masks, tile, settings);
  });
}

Task<Infidelity> run_infidelity(const Subject& subject, double deviation, int64_t samples, bool shared,
                                uint64_t seed) {
  InfidelityNoise noise{deviation, samples, shared, seed};
  return run(subject, [=](const Network& network, const Tensor& image, RowSettings settings) {
    return infidelity(network, image, subject.map, subject.target, noise, settings);
  });
}

std::vector<double> sum_in_masks(const Tensor& map, const Tensor& masks, int64_t tile) {
  check_masks(masks);
  if (map.dim() != 2) throw Error(ErrorCode::invalid_argument, "Expected a map (height, width).");
  return numbers(relevance_in_masks(map, masks, tile));
}

Tensor draw_masks(int64_t tiles, int64_t chosen, int64_t count, uint64_t seed) {
  if (chosen > tiles) throw Error(ErrorCode::invalid_argument, "Expected no more chosen tiles than tiles.");
  return random_masks(tiles, chosen, count, seed);
}

}  // namespace

void export_evaluation(Napi::Object exports) {
  const Parameter tile{"tile", kCount};
  const Parameter count{"count", kCount};
  export_call<run_degradation>(exports, "degradation", "subject", tile, Parameter{"points", {2, 1 << 24}});
  export_call<run_insertion_deletion>(exports, "insertionDeletion", "subject", Parameter{"step", kCount},
                                      "blur", "deleted");
  const Parameter most{"most", kCount};
  export_call<run_tile_replacement>(exports, "replaceTiles", "subject", tile, "baseline", "seed", most,
                                    "bothEnds");
  export_call<run_segment_replacement>(exports, "replaceSegments", "subject", "segments", "baseline", "seed",
                                       most, "bothEnds");
  export_call<run_road>(exports, "road", "subject", "shares", Parameter{"noise", {0, 1e6}}, "seed");
  export_call<find_superpixels>(exports, "superpixels", "image", count,
                                Parameter{"compactness", {1e-6, 1e6}});
  export_call<watch>(exports, "strengths", "model", "images", "target");
  export_call<run_masked_drops>(exports, "maskedDrops", "subject", "masks", tile);
  export_call<run_infidelity>(exports, "infidelity", "subject", Parameter{"deviation", {0, 1e6}},
                              Parameter{"samples", kCount}, "sharedNoise", "seed");
  export_call<sum_in_masks>(exports, "relevanceInMasks", "map", "masks", tile);
  export_call<draw_masks>(exports, "randomMasks", Parameter{"tiles", kCount}, Parameter{"chosen", {0}}, count,
                          "seed");
  export_call<neighbours>(exports, "neighbours", "image", Parameter{"radius", {0, 1e6}}, count, "seed");
}

}  // namespace iba::binding
