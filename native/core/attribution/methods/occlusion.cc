#include "attribution/methods/methods.h"

#include <algorithm>

#include "attribution/local_pass.h"
#include "attribution/passes.h"
#include "image/baseline.h"
#include "target/objective.h"

namespace iba {

namespace {

/// Where patches lie along one side of an image: from the border on, as far as the other border.
class PatchRow {
 public:
  PatchRow(int64_t extent, int64_t patch, int64_t stride) : extent_(extent), patch_(patch), stride_(stride) {}

  int64_t count() const {
    return 1 + (std::max(extent_ - std::max(patch_, stride_), int64_t{0}) + stride_ - 1) / stride_;
  }
  int64_t begin(int64_t i) const { return i * stride_; }
  int64_t end(int64_t i) const { return std::min(i * stride_ + patch_, extent_); }

  /// A window of the patches' size around each of them, inside the image.
  int64_t extent() const { return std::min(patch_, extent_); }
  int64_t window(int64_t i) const { return std::min(begin(i), extent_ - extent()); }

 private:
  int64_t extent_, patch_, stride_;
};

class Occlusion : public Method {
 public:
  explicit Occlusion(const MethodContext& context)
      : network_(context.network),
        patch_(context.options.whole("patch")),
        stride_(context.options.has("stride") ? context.options.whole("stride") : patch_),
        baseline_(baseline_named(context.options.text("baseline"))) {}

  std::vector<Attribution> attribute(const Batch& batch) const override {
    PatchRow rows(batch.images.size(2), patch_, stride_), columns(batch.images.size(3), patch_, stride_);
    Steps steps(batch, batch.size() * runs_of(rows.count() * columns.count(), batch.rows));
    Targets targets;
    std::vector<Attribution> attributions;
    for (int64_t b = 0; b < batch.size(); ++b) {
      steps.check();
      LocalPass pass(network_, batch.images.slice(0, b, b + 1), {rows.extent(), columns.extent()});
      choose_targets(network_, batch, b, pass.clean_logits(), targets);
      Attribution attribution = targets.attribution(b);
      Tensor occluded = occluded_scores(batch, b, pass, attribution.target, rows, columns, steps);
      Tensor drops = attribution.score - occluded.view({rows.count(), columns.count()});
      attribution.raw = drops.unsqueeze(0).contiguous();
      attribution.map = spread(drops, rows, columns, batch.image_size());
      attributions.push_back(std::move(attribution));
    }
    return attributions;
  }

  std::string unit() const override { return "logits"; }

 private:
  /// The target's score with each patch replaced, row by row.
  Tensor occluded_scores(const Batch& batch, int64_t b, const LocalPass& pass, const Target& target,
                         const PatchRow& rows, const PatchRow& columns, Steps& steps) const {
    Objective objective({target}, pass.clean_logits().size(1), network_.device());
    Tensor image = batch.images[b];
    Tensor baseline = make_baseline(baseline_, image, {.tile = patch_, .seed = batch.requests[b].seed});
    std::vector<Tensor> found;
    for_each_run(rows.count() * columns.count(), batch.rows, [&](int64_t begin, int64_t end) {
      steps.check();
      Windows replaced;
      std::vector<Tensor> inside;
      for (int64_t i = begin; i < end; ++i) {
        int64_t row = i / columns.count(), column = i % columns.count();
        // All windows are of one size; at the border, only a part of theirs is replaced.
        Pair origin{rows.window(row), columns.window(column)};
        auto window = [&](const Tensor& of) {
          return of.narrow(1, origin[0], rows.extent()).narrow(2, origin[1], columns.extent());
        };
        auto patch = [&](const Tensor& of) {
          return of.slice(1, rows.begin(row) - origin[0], rows.end(row) - origin[0])
              .slice(2, columns.begin(column) - origin[1], columns.end(column) - origin[1]);
        };
        inside.push_back(window(image).clone());
        patch(inside.back()).copy_(patch(window(baseline)));
        replaced.origins.push_back(origin);
      }
      replaced.inside = at::stack(inside);
      found.push_back(objective.score(pass.logits(std::move(replaced))));
      steps.finish();
    });
    return at::cat(found).cpu();
  }

  /// To each pixel the mean drop of the patches that cover it.
  static Tensor spread(const Tensor& drops, const PatchRow& rows, const PatchRow& columns,
                       std::array<int64_t, 2> size) {
    Tensor sum = at::zeros(size), covers = at::zeros(size);
    for (int64_t row = 0; row < rows.count(); ++row) {
      for (int64_t column = 0; column < columns.count(); ++column) {
        auto patch = [&](const Tensor& of) {
          return of.slice(0, rows.begin(row), rows.end(row))
              .slice(1, columns.begin(column), columns.end(column));
        };
        patch(sum).add_(drops[row][column]);
        patch(covers).add_(1);
      }
    }
    return sum / covers.clamp_min_(1);
  }

  const Network& network_;
  int64_t patch_;
  int64_t stride_;
  Baseline baseline_;
};

MethodEntry entry(const std::string& name, const std::string& summary, int64_t patch) {
  return {name, summary, "Zeiler and Fergus 2014",
          with_common_options(
              {whole_option("patch", "side of the square that is replaced, in pixels", patch, 1),
               whole_option("stride", "pixels from one patch to the next (default: the patch's side)", 1, 1)
                   .without_default(),
               choice_option("baseline", "what a patch is replaced by", "mean", baseline_names())}),
          make_method<Occlusion>};
}

}  // namespace

MethodEntry occlusion_method() {
  return entry("occlusion", "by how much the target's score drops where a patch of the image is replaced",
               16);
}

MethodEntry occlusion_8_method() {
  return entry("occlusion-8", "occlusion with patches of 8 × 8 pixels, as in the paper", 8);
}

MethodEntry occlusion_14_method() {
  return entry("occlusion-14", "occlusion with patches of 14 × 14 pixels, as in the paper", 14);
}

}  // namespace iba
