#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "network/operation.h"
#include "network/packed_weights.h"
#include "network/rounding.h"

namespace iba {

/// The number of a value that flows through a network: its input or the output of one step.
using ValueId = size_t;

/// One operation in execution order. `module` is the dotted path PyTorch names it by (`layer2.3.relu`); a
/// module that runs several times has its calls numbered from 1, otherwise `call` is 0.
struct Step {
  std::string module;
  size_t call = 0;
  Operation operation;
  std::vector<ValueId> inputs;
  ValueId output = 0;

  /// `module`, or `module#call` where the module runs several times.
  std::string name() const;
};

/// How the values of a layer lie over the image.
struct Layout {
  /// `image` is (N, C, h, w), `channels_last` (N, h, w, C), and `tokens` (N, T, C), row by row. `none` lies
  /// in no such order.
  enum class Form { image, channels_last, tokens, none };

  Form form = Form::image;
  int64_t prefix = 0;  // tokens in front that belong to no place, such as the class token
  int64_t suffix = 0;  // the same behind
  /// How many times as wide as high a token's part of the image is.
  double proportion = 1;
};

/// A place where a network can be cut: the value that a module (or a group of modules, such as `layer2`)
/// returns.
struct Layer {
  std::string name;
  std::string kind;
  ValueId value = 0;
  Layout layout = {};
};

/// What a network's outputs for an image are: the logits of classes of which one is right, the logits of
/// labels that may hold together, values such as a regression gives, or an embedding.
enum class OutputKind { classes, labels, values, embedding };

/// A network as a flat list of steps. A plain value: a copy shares the weight tensors until they are
/// replaced.
class Network {
 public:
  /// The network's name in the zoo, such as "resnet50", or the class of a model from a file.
  std::string architecture;
  std::vector<Step> steps;
  std::vector<Layer> layers;
  ValueId input = 0;
  ValueId output = 0;
  size_t value_count = 1;
  int64_t input_channels = 3;  // 0 where the input is token ids (N, 1, 1, T)
  /// How many outputs there are, and what they are.
  int64_t classes = 0;
  OutputKind outputs = OutputKind::classes;
  /// Whether its two classes, no and yes, are those of a single logit.
  bool is_binary = false;
  /// Height and width of the images, where it takes no others.
  std::optional<std::array<int64_t, 2>> image_size;
  /// What white is in the images where the network normalises them itself, 1 or 255; black is 0.
  std::optional<int64_t> white;
  /// Where the paper puts the bottleneck, and where Grad-CAM reads.
  std::string bottleneck_layer;
  std::string grad_cam_layer;
  /// By the steps of convolutions, weights and biases that hold the batch norm behind them too: on a GPU
  /// wherever one follows, and in some places in bfloat16 where the processor fuses convolutions. They take
  /// the place of both in runs that don't look between the two.
  std::map<size_t, Weights> with_norms;
  /// In bfloat16: what was rounded, by the tensor that it was rounded to. Float networks are made of it.
  std::map<const void*, Rounded> roundings;
  /// The weights of such convolutions as the processor reads them, shared with copies of the network.
  std::shared_ptr<PackedWeights> packed = std::make_shared<PackedWeights>();
  /// What its user should know of how it was read from a file.
  std::vector<std::string> notes;

  /// The layer of that name. Throws MODEL with the nearest names where there is none.
  const Layer& layer(const std::string& name) const;

  /// Adds a step that reads these values, and gives the one it makes. Throws MODEL where the operation reads
  /// another number of them.
  ValueId add(const std::string& module, Operation operation, std::vector<ValueId> inputs);

  /// Numbers the calls of the modules that run several times. Gives how often each module runs.
  std::map<std::string, size_t> number_calls();

  /// Every parameter and buffer by PyTorch's state_dict name, in execution order.
  std::vector<std::pair<std::string, Tensor*>> parameters();
  std::vector<std::pair<std::string, const Tensor*>> parameters() const;

  /// Moves all parameters to the device, where steps then make their tensors. `layout` is that of the
  /// convolutions' weights, which activations take on: channels last is the faster one.
  void to(at::Device device, at::MemoryFormat layout = at::MemoryFormat::ChannelsLast);
  at::Device device() const { return device_; }

  /// Takes the tensors over, by name; their memory is shared where nothing else is in it. Throws WEIGHTS
  /// naming every missing, unknown or wrongly shaped entry. `num_batches_tracked`, which evaluation doesn't
  /// use, may be present or absent.
  void load(const std::vector<std::pair<std::string, Tensor>>& tensors);

  /// Throws WEIGHTS naming the first parameter that holds NaN or infinity.
  void require_finite_weights() const;

 private:
  at::Device device_ = at::kCPU;  // also of a network without parameters
};

}  // namespace iba
