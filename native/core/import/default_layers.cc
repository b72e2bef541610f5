#include "import/default_layers.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "error.h"
#include "import/blocks.h"
#include "network/cut.h"
#include "network/graph.h"
#include "network/grid.h"

namespace iba {

namespace {

std::vector<Tensor> layer_activations(const Network& network, const Tensor& images) {
  std::vector<ValueId> values;
  for (const auto& layer : network.layers) values.push_back(layer.value);
  return activations(network, images, values);
}

bool has_rows(const Tensor& activation, int64_t rows) {
  return activation.is_floating_point() && activation.dim() >= 2 && activation.size(0) == rows;
}

/// A layer whose values lie on a grid over the image.
struct Candidate {
  size_t layer;
  Grid grid;
  /// The side of a place, in pixels.
  double stride;
};

/// An eighth of the image's side; unpadded convolutions cut off some of the border.
bool is_an_eighth(const Candidate& candidate) {
  return candidate.stride > 6 && candidate.stride <= 11;
}

bool is_coarser(const Candidate& candidate) {
  return candidate.stride > 11;
}

bool only_moves(const Operation& operation) {
  static const std::set<std::string> kKinds = {"permute",    "transpose",       "reshape", "view",
                                               "contiguous", "constant-pad-nd", "pad"};
  return kKinds.contains(kind(operation));
}

/// The layers of a network that have places.
class Candidates {
 public:
  Candidates(const Network& network, const Tensor& image) : network_(network) {
    auto found = layer_activations(network, image);
    for (size_t i = 0; i < found.size(); ++i) {
      auto grid = grid_of(network.layers[i], found[i].sizes().slice(1), {image.size(2), image.size(3)});
      if (!grid || grid->height * grid->width < kFewestPlaces) continue;
      auto pixels = static_cast<double>(image.size(2) * image.size(3));
      double stride = std::sqrt(pixels / static_cast<double>(grid->height * grid->width));
      all_.push_back({i, *grid, stride});
    }
  }

  const std::vector<Candidate>& all() const { return all_; }

  std::vector<Candidate> of(const std::vector<size_t>& layers) const {
    return select([&](const Candidate& candidate) {
      return std::find(layers.begin(), layers.end(), candidate.layer) != layers.end();
    });
  }

  /// Those that all passes through, without those that only move or pad the values before them.
  std::vector<Candidate> narrow_computed() const {
    auto narrow = find_narrow_values(network_);
    Graph graph(network_);
    return select([&](const Candidate& candidate) {
      auto maker = graph.maker(value_of(candidate));
      return narrow[value_of(candidate)] && maker && !only_moves(network_.steps[*maker].operation);
    });
  }

  /// What modules of several steps return, of those that all passes through.
  std::vector<Candidate> narrow_modules() const {
    auto narrow = find_narrow_values(network_);
    Graph graph(network_);
    return select([&](const Candidate& candidate) {
      return narrow[value_of(candidate)] && is_module(network_, graph, network_.layers[candidate.layer]);
    });
  }

 private:
  static constexpr int64_t kFewestPlaces = 4;

  ValueId value_of(const Candidate& candidate) const { return network_.layers[candidate.layer].value; }

  template <typename Condition>
  std::vector<Candidate> select(const Condition& condition) const {
    std::vector<Candidate> selected;
    std::copy_if(all_.begin(), all_.end(), std::back_inserter(selected), condition);
    return selected;
  }

  const Network& network_;
  std::vector<Candidate> all_;
};

/// Whether the outputs depend on most places of the layer's grid: behind the last attention only the class
/// token is read.
bool is_read(const Network& network, const Candidate& candidate, const Tensor& image) {
  Cut cut(network, network.layers[candidate.layer].value);
  Values values = cut.before(image);
  Interpreter::Tape tape;
  Tensor logits = cut.after(values, values[cut.at()], &tape);
  Tensor weights = at::linspace(1, 2, logits.size(1)).expand_as(logits).contiguous();
  Tensor gradient = cut.backward(tape, weights);
  Tensor is_nonzero = candidate.grid.to_image(gradient).ne(0).any(1);
  return 2 * is_nonzero.sum().item<int64_t>() >= is_nonzero.numel();
}

/// The last candidate at an eighth of the side. Absent where there is none, or where all have one grid.
std::optional<size_t> last_at_an_eighth(const std::vector<Candidate>& candidates) {
  // Once coarse, a grid stays so: what is larger again afterwards was only stretched.
  auto end = std::find_if(candidates.begin(), candidates.end(), is_coarser);
  auto last = std::find_if(std::make_reverse_iterator(end), candidates.rend(), is_an_eighth);
  bool is_uniform = std::all_of(candidates.begin(), candidates.end(), [&](const Candidate& candidate) {
    return candidate.stride == candidates[0].stride;
  });
  if (last == candidates.rend() || is_uniform) return std::nullopt;
  return static_cast<size_t>(candidates.rend() - last) - 1;
}

struct Choice {
  std::vector<Candidate> candidates;
  size_t index;
};

/// The last block at an eighth of the side, or else the block in the middle of the depth. Where there are no
/// blocks, the same of all layers.
Choice choose(const Network& network, const Candidates& candidates) {
  std::vector<std::vector<Candidate>> kinds = {candidates.of(find_blocks(network)),
                                               candidates.of(find_parallel_blocks(network))};
  for (const auto& blocks : kinds) {
    if (auto last = last_at_an_eighth(blocks)) return {blocks, *last};
  }
  for (const auto& blocks : kinds) {
    if (!blocks.empty()) return {blocks, (blocks.size() - 1) / 2};
  }
  // Between two modules, such as in the padding of a strided one, nothing ends.
  auto modules = candidates.narrow_modules();
  if (auto last = last_at_an_eighth(modules)) return {modules, *last};
  auto narrow = candidates.narrow_computed();
  if (narrow.empty()) narrow = candidates.all();
  return {narrow, last_at_an_eighth(narrow).value_or(narrow.size() / 2)};
}

/// The last of the candidates, up to the one at the index, of which most places matter.
std::optional<Candidate> last_read(const Network& network, const Choice& choice, const Tensor& image) {
  for (size_t i = choice.index + 1; i-- > 0;) {
    if (is_read(network, choice.candidates[i], image)) return choice.candidates[i];
  }
  return std::nullopt;
}

Candidate bottleneck_layer(const Network& network, const Candidates& candidates, const Tensor& image) {
  auto choice = choose(network, candidates);
  return last_read(network, choice, image).value_or(choice.candidates[choice.index]);
}

/// What the last module returns that all passes through, or else the last block: before a block that only
/// the class token leaves, there may be an embedding.
Candidate grad_cam_layer(const Network& network, const Candidates& candidates, const Tensor& image) {
  auto modules = candidates.narrow_modules();
  if (modules.empty()) modules = candidates.all();
  const auto& last = modules.back();
  if (is_read(network, last, image)) return last;
  for (const auto& fallback : {candidates.of(find_blocks(network)), modules}) {
    if (fallback.empty()) continue;
    if (auto found = last_read(network, {fallback, fallback.size() - 1}, image)) return *found;
  }
  return last;
}

}  // namespace

void keep_batched_layers(Network& network, const Tensor& two, const Tensor& three) {
  auto of_two = layer_activations(network, two);
  auto of_three = layer_activations(network, three);
  std::vector<Layer> kept;
  for (size_t i = 0; i < network.layers.size(); ++i) {
    if (has_rows(of_two[i], two.size(0)) && has_rows(of_three[i], three.size(0))) {
      kept.push_back(network.layers[i]);
    }
  }
  network.layers = std::move(kept);
}

void choose_default_layers(Network& network, const Tensor& image) {
  Candidates candidates(network, image);
  if (candidates.all().empty()) {
    throw Error(ErrorCode::model,
                "The model has no layer whose values lie on a grid over the image, so that there is "
                "nowhere to see what it looks at.");
  }
  auto name = [&](const Candidate& candidate) {
    return outermost(network, network.layers[candidate.layer]).name;
  };
  network.bottleneck_layer = name(bottleneck_layer(network, candidates, image));
  network.grad_cam_layer = name(grad_cam_layer(network, candidates, image));
}

}  // namespace iba
