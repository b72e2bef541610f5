#include "network/import/import.h"

#include <functional>
#include <sstream>

#include "error.h"
#include "network/import/default_layers.h"
#include "network/import/torchscript.h"
#include "network/interpreter.h"
#include "network/seeded_weights.h"

namespace iba {

namespace {

using imported::Item;
using imported::Recorder;
using Program = std::function<Item(Recorder&)>;

/// The agreement that logits must have with the program's own: only the order of additions may differ.
constexpr double kTolerance = 1e-3;

Tensor example_images(int64_t rows, int64_t channels, int64_t height, int64_t width) {
  return seeded_normal("example images", 0, {rows, channels, height, width}, 1.0);
}

/// What one execution of a program showed.
struct Recording {
  Tensor images;
  Tensor logits;
  imported::ShapeLog log;
  bool tied_to_size = false;
  Network network;
};

Recording record(const Program& program, const Tensor& images, imported::OtherRecordings others) {
  Recorder recorder(images, others);
  Item output = program(recorder);
  Item logits = imported::first_tensor(output);
  Network network = recorder.finish(output);
  return {images, logits->value.toTensor(), recorder.log(), recorder.is_tied_to_size(), std::move(network)};
}

void check_output(const Recording& recording) {
  const Tensor& logits = recording.logits;
  bool fits = logits.dim() == 2 && logits.size(0) == recording.images.size(0) && logits.size(1) > 1 &&
              logits.is_floating_point();
  if (fits) return;
  std::ostringstream message;
  message << "For " << recording.images.size(0) << " images the model returns a tensor of shape "
          << logits.sizes() << ", expected (images, classes): only classifiers can be explained. "
          << "Export the part that classifies.";
  throw Error("MODEL", message.str());
}

/// The network must say what the program says, for as many images.
void check_agreement(const Network& network, const Recording& recording) {
  Tensor found = logits(network, recording.images);
  bool agrees = found.sizes() == recording.logits.sizes() &&
                ((found - recording.logits).abs().max() <= kTolerance * recording.logits.abs().max())
                    .item<bool>();
  if (agrees) return;
  throw Error("MODEL", "As a list of steps, the model gives other outputs for " +
                           std::to_string(recording.images.size(0)) +
                           " images than its file does: it depends on something that steps don't see. Trace "
                           "it with torch.jit.trace in evaluation mode.");
}

std::optional<Recording> try_record(const Program& program, const Tensor& images) {
  try {
    return record(program, images, {});
  } catch (const std::exception&) {
    return std::nullopt;  // it takes images of one size only
  }
}

Network import_program(const Program& program, int64_t channels, int64_t size) {
  Recording more = record(program, example_images(3, channels, size, size), {});
  check_output(more);
  auto larger = try_record(program, example_images(2, channels, size + 64, size + 32));
  imported::OtherRecordings others{&more.log, larger ? &larger->log : nullptr};
  Recording recording = record(program, example_images(2, channels, size, size), others);
  check_output(recording);
  Network network = std::move(recording.network);
  network.input_channels = channels;
  network.classes = recording.logits.size(1);
  if (!larger || recording.tied_to_size) network.image_size = {size, size};
  keep_batched_layers(network, recording.images, more.images);
  check_agreement(network, recording);
  check_agreement(network, more);
  choose_default_layers(network, recording.images);
  return network;
}

/// Pictures are in colour or grey; a model says which by failing.
Network import_for_channels(const Program& program, int64_t size) {
  try {
    return import_program(program, 3, size);
  } catch (const c10::Error&) {
    try {
      return import_program(program, 1, size);
    } catch (const std::exception&) {
    }
    throw;
  }
}

}  // namespace

Network import_network(const std::filesystem::path& path, int64_t image_size) {
  try {
    imported::TorchScriptProgram program(path);
    return import_for_channels([&](Recorder& recorder) { return program.run(recorder); }, image_size);
  } catch (const c10::OutOfMemoryError&) {
    throw;
  } catch (const c10::Error& error) {
    throw Error("MODEL", "'" + path.string() + "' can't be run on images of " + std::to_string(image_size) +
                             "×" + std::to_string(image_size) +
                             " pixels: is that the size it was made for? LibTorch says: " +
                             error.what_without_backtrace());
  }
}

}  // namespace iba
