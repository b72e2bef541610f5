#include "import/layouts.h"

#include <algorithm>
#include <limits>
#include <map>

#include "import/image_values.h"
#include "network/grid.h"
#include "network/interpreter.h"
#include "network/seeded_weights.h"

namespace iba {

namespace {

/// Of pairs of a value inside of the changed part and one outside, the share in which the one inside must
/// change more: in the mean over the parts, and for each. Where places are in no order, it is a half.
constexpr double kLeastShare = 0.8;
constexpr double kLeastOfEach = 0.5;
/// A place counts as reached by the parts where it changes by more than about this share of the mean.
constexpr double kLeastChange = 0.01;
/// Finer grids are averaged down to so many places a side before they are compared.
constexpr int64_t kMostPlaces = 16;
/// Class, distillation and register tokens: models have up to 1 + 8 of them.
constexpr int64_t kMostOtherTokens = 9;

/// A part of an image, in shares of its sides.
struct Part {
  struct Range {
    double begin, end;
  };
  Range rows, columns;
  /// How many places a side must have for the part to contain one of them.
  int64_t fewest_places = 1;
};

/// The corners, which tell rows from columns and each end of these, and a part inside.
constexpr Part kParts[] = {{{0, 0.3}, {0, 0.3}},
                           {{0, 0.3}, {0.7, 1}},
                           {{0.7, 1}, {0, 0.3}},
                           {{0.7, 1}, {0.7, 1}},
                           {{0.45, 0.75}, {0.25, 0.55}, 4}};

Tensor with_part_changed(const Tensor& image, const Part& part) {
  auto inside = [](Tensor of, int64_t dimension, Part::Range range) {
    auto size = static_cast<double>(of.size(dimension));
    return of.slice(dimension, std::lround(range.begin * size), std::lround(range.end * size));
  };
  Tensor changed = image.clone();
  Tensor place = inside(inside(changed, 2, part.rows), 3, part.columns);
  // Brighter as well, since deep layers average noise away.
  place.copy_(seeded_normal("changed part", 0, place.sizes(), 1.0) + 1);
  return changed;
}

/// How the places along one side lie to a range of it: inside, outside, or, where both are false, across its
/// border.
struct Side {
  std::vector<bool> inside, outside;

  Side(int64_t size, Part::Range range) {
    auto count = static_cast<double>(size);
    for (int64_t i = 0; i < size; ++i) {
      auto begin = static_cast<double>(i) / count, end = static_cast<double>(i + 1) / count;
      double centre = (begin + end) / 2;
      inside.push_back(range.begin <= centre && centre <= range.end);
      outside.push_back(end <= range.begin || range.end <= begin);
    }
    if (std::find(inside.begin(), inside.end(), true) == inside.end()) {
      auto middle = static_cast<int64_t>((range.begin + range.end) / 2 * count);
      inside[static_cast<size_t>(std::min(middle, size - 1))] = true;
    }
  }
};

/// Of all pairs of a place inside of the part and one outside, the share of which the one inside changed
/// more. Absent where the grid is too coarse to tell. `changes` is (h, w).
std::optional<double> share_in_place(const Tensor& changes, const Part& part) {
  if (changes.size(0) < part.fewest_places || changes.size(1) < part.fewest_places) return std::nullopt;
  Tensor map = at::adaptive_avg_pool2d(changes.unsqueeze(0), {std::min(changes.size(0), kMostPlaces),
                                                              std::min(changes.size(1), kMostPlaces)})[0]
                   .contiguous();
  Side rows(map.size(0), part.rows), columns(map.size(1), part.columns);
  std::vector<float> inside, outside;
  const float* value = map.const_data_ptr<float>();
  for (size_t row = 0; row < rows.inside.size(); ++row) {
    for (size_t column = 0; column < columns.inside.size(); ++column, ++value) {
      if (rows.inside[row] && columns.inside[column]) {
        inside.push_back(*value);
      } else if (rows.outside[row] || columns.outside[column]) {
        outside.push_back(*value);
      }
    }
  }
  if (outside.empty()) return std::nullopt;
  double won = 0;
  for (float a : inside) {
    for (float b : outside) won += a > b ? 1 : a == b ? 0.5 : 0;
  }
  return won / (static_cast<double>(inside.size()) * static_cast<double>(outside.size()));
}

/// How much the values of a layer changed with one part, summed over what may be its channels: over the first
/// dimension, and over the last.
struct Change {
  Tensor without_first;  // (h, w) of an image (C, h, w)
  Tensor without_last;   // (h, w) of an image (h, w, C), or (T) of tokens (T, C)
};

/// One for each part.
struct Changes {
  std::vector<Change> absolute;
  /// In shares of how much each place changes with all parts. Some change less than others whatever is
  /// changed, such as those at the border, next to padding.
  std::vector<Change> relative;
};

/// The map (h, w) of what changed, where the layer lies as `grid` says.
Tensor map_of(const Change& change, const Grid& grid) {
  if (grid.form == Grid::Form::image) return change.without_first;
  if (grid.form == Grid::Form::channels_last) return change.without_last;
  return change.without_last.slice(0, grid.prefix, grid.prefix + grid.height * grid.width)
      .view({grid.height, grid.width});
}

/// The mean share over all parts, or 0 where the layer fails; 1 for a single place, which can't be tested.
double score(const std::vector<Change>& changes, const Grid& grid) {
  double sum = 0, parts = 0;
  for (size_t i = 0; i < changes.size(); ++i) {
    auto share = share_in_place(map_of(changes[i], grid), kParts[i]);
    if (!share) continue;
    if (*share < kLeastOfEach) return 0;
    sum += *share;
    ++parts;
  }
  if (parts == 0) return 1;
  return sum / parts >= kLeastShare ? sum / parts : 0;
}

double score(const Changes& changes, const Grid& grid) {
  return std::max(score(changes.absolute, grid), score(changes.relative, grid));
}

/// The form in which an activation (N, a, b, c) passes the test best.
Layout image_layout(const Changes& changes) {
  Layout best{Layout::Form::none};
  double best_score = 0;
  if (changes.absolute[0].without_first.numel() == 1) return {};  // a single place
  for (auto form : {Grid::Form::image, Grid::Form::channels_last}) {
    bool is_image = form == Grid::Form::image;
    double found = score(changes, {form});
    if (found <= best_score) continue;
    best = {is_image ? Layout::Form::image : Layout::Form::channels_last};
    best_score = found;
  }
  return best;
}

struct TokenHypothesis {
  Layout layout;
  Grid grid;
};

/// So many tokens as rows and columns, with some in front or behind that belong to no place. `any_proportion`
/// takes places that are up to four times as high as wide, or as wide as high; otherwise they are as the
/// image.
std::vector<TokenHypothesis> token_hypotheses(int64_t tokens, std::array<int64_t, 2> image_size,
                                              bool any_proportion) {
  std::vector<TokenHypothesis> found;
  double proportion = static_cast<double>(image_size[0]) / static_cast<double>(image_size[1]);
  auto add = [&](Layout layout) {
    auto grid = grid_of({"", "", 0, layout}, {tokens, 1}, image_size);
    if (grid) found.push_back({layout, *grid});
  };
  for (int64_t others = 0; others <= kMostOtherTokens && others < tokens; ++others) {
    int64_t places = tokens - others;
    if (others > 0 && places == 1) continue;
    for (int64_t prefix = 0; prefix <= others; ++prefix) {
      Layout layout{Layout::Form::tokens, prefix, others - prefix};
      if (!any_proportion) add(layout);
      for (int64_t height = 1; any_proportion && height <= places; ++height) {
        if (places % height != 0) continue;
        auto width = static_cast<double>(places / height);
        layout.proportion = static_cast<double>(height) / width / proportion;
        if (layout.proportion <= 4 && layout.proportion >= 0.25) add(layout);
      }
    }
  }
  return found;
}

struct TokenLayer {
  Layout* layout;
  const Changes* changes;
};

/// Gives the layers of so many tokens the best of the hypotheses, where they pass. In which order tokens
/// come, and which of them belong to no place, is the same for all: the first layers, where nothing is mixed
/// yet, tell it most clearly. Gives whether any passes.
bool find_token_layouts(const std::vector<TokenLayer>& layers,
                        const std::vector<TokenHypothesis>& hypotheses) {
  double most = 0;
  for (const auto& tried : hypotheses) {
    std::vector<Layout> layouts;
    double sum = 0;
    for (const auto& layer : layers) {
      double found = score(*layer.changes, tried.grid);
      sum += found;
      layouts.push_back(found > 0 ? tried.layout : Layout{Layout::Form::none});
    }
    if (sum <= most) continue;
    most = sum;
    for (size_t i = 0; i < layers.size(); ++i) *layers[i].layout = layouts[i];
  }
  return most > 0;
}

Change change_of(const Tensor& before, const Tensor& after) {
  Tensor difference = (after - before)[0].abs().to(at::kFloat);
  switch (difference.dim()) {
    case 2:
      return {{}, difference.sum(1)};
    case 3:
      return {difference.sum(0), difference.sum(2)};
    default:
      return {};
  }
}

std::vector<Change> relative(const std::vector<Change>& changes) {
  auto shares = [&](Tensor Change::*map) {
    std::vector<Tensor> maps;
    for (const auto& change : changes) {
      if ((change.*map).defined()) maps.push_back(change.*map);
    }
    if (maps.empty()) return std::vector<Tensor>(changes.size());
    Tensor all = at::stack(maps);
    Tensor total = all.sum(0);
    // Of places that nothing reaches, only rounding would be left.
    Tensor least = total.mean() * kLeastChange + std::numeric_limits<float>::min();
    return (all / (total + least)).unbind();
  };
  auto without_first = shares(&Change::without_first), without_last = shares(&Change::without_last);
  std::vector<Change> found;
  for (size_t i = 0; i < changes.size(); ++i) found.push_back({without_first[i], without_last[i]});
  return found;
}

/// For each layer, what changes of its values with each part.
std::vector<Changes> find_changes(const Network& network, const Tensor& image) {
  std::vector<ValueId> values;
  for (const auto& layer : network.layers) values.push_back(layer.value);
  auto before = activations(network, image, values);
  std::vector<Changes> changes(values.size());
  for (const auto& part : kParts) {
    auto after = activations(network, with_part_changed(image, part), values);
    for (size_t i = 0; i < values.size(); ++i) changes[i].absolute.push_back(change_of(before[i], after[i]));
  }
  for (auto& of_layer : changes) of_layer.relative = relative(of_layer.absolute);
  return changes;
}

}  // namespace

void find_layouts(Network& network, const Tensor& image) {
  auto is_image = find_image_values(network);
  auto changes = find_changes(network, image);
  std::map<int64_t, std::vector<TokenLayer>> by_tokens;
  for (size_t i = 0; i < network.layers.size(); ++i) {
    Layout& layout = network.layers[i].layout;
    layout = {Layout::Form::none};
    const Change& first = changes[i].absolute[0];
    if (is_image[network.layers[i].value]) {
      layout = {};
    } else if (first.without_first.defined()) {
      layout = image_layout(changes[i]);
    } else if (first.without_last.defined()) {
      by_tokens[first.without_last.size(0)].push_back({&layout, &changes[i]});
    }
  }
  std::array<int64_t, 2> image_size{image.size(2), image.size(3)};
  for (const auto& [tokens, layers] : by_tokens) {
    if (find_token_layouts(layers, token_hypotheses(tokens, image_size, false))) continue;
    find_token_layouts(layers, token_hypotheses(tokens, image_size, true));
  }
}

}  // namespace iba
