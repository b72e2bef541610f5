#include "import/default_layers.h"

#include <algorithm>

#include "error.h"
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

/// Which of the two lies at the end, where the extents tell it: those of the image are in its proportion.
std::optional<bool> channels_are_last(at::IntArrayRef shape) {
  bool first_are_sides = shape[0] == shape[1], last_are_sides = shape[1] == shape[2];
  if (first_are_sides == last_are_sides) return std::nullopt;
  return first_are_sides;
}

/// Where the extents don't tell, a layer is as the one before it.
void find_channels_last(Network& network, const std::vector<Tensor>& found) {
  bool before = false;
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i].dim() != 4) continue;
    before = channels_are_last(found[i].sizes().slice(1)).value_or(before);
    network.layers[i].channels_last = before;
  }
}

/// A layer whose values lie on a grid over the image.
struct Candidate {
  size_t layer;
  Grid grid;
  bool is_block;  // what a module of several steps returns
};

std::vector<Candidate> layers_with_grid(const Network& network, const std::vector<Tensor>& found,
                                        std::array<int64_t, 2> image_size) {
  Graph graph(network);
  std::vector<Candidate> candidates;
  for (size_t i = 0; i < found.size(); ++i) {
    const Layer& layer = network.layers[i];
    auto grid = grid_of(layer, found[i].sizes().slice(1), image_size);
    if (!grid || grid->height != grid->width || grid->height < 2) continue;
    auto maker = graph.maker(layer.value);
    candidates.push_back({i, *grid, maker && network.steps[*maker].name() != layer.name});
  }
  return candidates;
}

auto depth_of(const std::string& name) {
  return std::count(name.begin(), name.end(), '.');
}

/// The blocks that lie in no other of them, or else, where there are no blocks, all.
std::vector<Candidate> outermost_blocks(const Network& network, const std::vector<Candidate>& candidates) {
  auto depth = [&](const Candidate& candidate) { return depth_of(network.layers[candidate.layer].name); };
  std::vector<Candidate> outermost;
  for (const auto& candidate : candidates) {
    if (!candidate.is_block) continue;
    if (!outermost.empty() && depth(candidate) < depth(outermost[0])) outermost.clear();
    if (outermost.empty() || depth(candidate) == depth(outermost[0])) outermost.push_back(candidate);
  }
  return outermost.empty() ? candidates : outermost;
}

/// The block in the middle of the depth: of the blocks side by side in one module, the middle one.
std::string middle_block(const Network& network, const std::vector<Candidate>& candidates) {
  std::map<std::string, std::vector<std::string>> blocks;  // by the module they are in
  for (const auto& candidate : candidates) {
    const std::string& name = network.layers[candidate.layer].name;
    if (candidate.is_block) blocks[name.substr(0, name.rfind('.') + 1)].push_back(name);
  }
  const std::vector<std::string>* most = nullptr;
  for (const auto& [parent, names] : blocks) {
    if (!most || names.size() > most->size()) most = &names;
  }
  if (!most) return network.layers[candidates[candidates.size() / 2].layer].name;
  return (*most)[(most->size() - 1) / 2];
}

/// Finer than a sixteenth of the image's side: an eighth, of which unpadded convolutions cut off the border.
bool is_fine(const Grid& grid, std::array<int64_t, 2> image_size) {
  return 11 * grid.height >= image_size[0];
}

std::string bottleneck_layer(const Network& network, const std::vector<Candidate>& candidates,
                             std::array<int64_t, 2> image_size) {
  // Once coarse, a grid stays so: what is larger again afterwards was only stretched.
  auto first_coarse = std::find_if(candidates.begin(), candidates.end(), [&](const Candidate& candidate) {
    return !is_fine(candidate.grid, image_size);
  });
  std::vector<Candidate> fine(candidates.begin(), first_coarse);
  if (fine.empty()) return middle_block(network, candidates);
  return network.layers[outermost_blocks(network, fine).back().layer].name;
}

/// Whether the outputs depend on the places of the layer's grid: behind the last attention only the class
/// token is read.
bool is_read(const Network& network, const Candidate& candidate, const Tensor& images) {
  Cut cut(network, network.layers[candidate.layer].value);
  Values values = cut.before(images);
  Interpreter::Tape tape;
  Tensor logits = cut.after(values, values[cut.at()], &tape);
  Tensor weights = at::linspace(-1, 1, logits.size(1)).expand_as(logits).contiguous();
  Tensor gradient = cut.backward(tape, weights);
  return candidate.grid.places(candidate.grid.to_pixels(gradient)).any().item<bool>();
}

/// The last block that the outputs still depend on place by place.
std::string grad_cam_layer(const Network& network, const std::vector<Candidate>& candidates,
                           const Tensor& images) {
  std::vector<Candidate> blocks;
  std::copy_if(candidates.begin(), candidates.end(), std::back_inserter(blocks),
               [](const Candidate& candidate) { return candidate.is_block; });
  if (blocks.empty()) blocks = candidates;
  for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) {
    if (is_read(network, *block, images)) return network.layers[block->layer].name;
  }
  return network.layers[blocks.back().layer].name;
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

void choose_default_layers(Network& network, const Tensor& images) {
  auto found = layer_activations(network, images);
  find_channels_last(network, found);
  std::array<int64_t, 2> image_size{images.size(2), images.size(3)};
  auto candidates = layers_with_grid(network, found, image_size);
  if (candidates.empty()) {
    throw Error(ErrorCode::model,
                "The model has no layer whose values lie on a grid over the image, so that there is "
                "nowhere to see what it looks at.");
  }
  network.bottleneck_layer = bottleneck_layer(network, candidates, image_size);
  network.grad_cam_layer = grad_cam_layer(network, candidates, images.slice(0, 0, 1));
}

}  // namespace iba
