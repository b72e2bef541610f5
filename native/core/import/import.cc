#include "import/import.h"

#include <functional>

#include "error.h"
#include "import/chosen_output.h"
#include "import/default_layers.h"
#include "import/exported_program.h"
#include "import/foreign_file.h"
#include "import/layouts.h"
#include "import/onnx/model_file.h"
#include "import/onnx/program.h"
#include "import/outputs.h"
#include "import/own_normalisation.h"
#include "import/token_layers.h"
#include "import/torchscript.h"
#include "import/trial.h"
#include "io/malformed.h"
#include "io/text.h"
#include "network/interpreter.h"
#include "network/tokens.h"
#include "network/two_classes.h"
#include "runtime/allocation_limit.h"

namespace iba {

namespace {

using imported::Item;
using imported::Recorder;
using imported::Trial;

/// A model of one of the formats.
struct Program {
  std::function<Item(Recorder&)> run;
  OutputChoice output;
};

/// The agreement that logits must have with the program's own: only the order of additions may differ.
constexpr double kTolerance = 1e-3;

/// What one execution of a program showed.
struct Recording {
  Tensor images;
  Tensor logits;
  imported::ShapeLog log;
  bool tied_to_size = false;
  Network network;
};

Recording record(const Program& program, const Tensor& images, imported::ShapeLog log = {}) {
  Recorder recorder(images, std::move(log));
  auto [logits, note] = imported::choose_output(program.run(recorder), images.size(0), program.output.name);
  if (imported::is_of_classes_at_one_place(logits, images.size(0))) {
    logits =
        recorder.call_by_name("aten::flatten", "using_ints",
                              {logits, imported::make_item(int64_t{1}), imported::make_item(int64_t{-1})});
  }
  Network network = recorder.finish(logits);
  if (note) network.notes.push_back(*note);
  return {images, logits->value.toTensor(), recorder.log(), recorder.is_tied_to_size(), std::move(network)};
}

void check_output(const Recording& recording) {
  const Tensor& logits = recording.logits;
  bool fits = logits.dim() == 2 && logits.size(0) == recording.images.size(0) && logits.size(1) > 0 &&
              logits.is_floating_point();
  if (fits) return;
  const std::string message = "For " + std::to_string(recording.images.size(0)) +
                              " images the model returns a tensor of shape " +
                              io::shape_text(logits.sizes()) +
                              ", expected (images, outputs): one row of logits, values or features for each "
                              "image. Export the part that "
                              "gives them, and give a single number as (images, 1).";
  // As many rows as images: the batch isn't the reason.
  if (logits.dim() > 0 && logits.size(0) == recording.images.size(0)) throw imported::OutputError(message);
  throw Error(ErrorCode::model, message);
}

/// The network must say what the program says, for as many images.
void check_agreement(const Network& network, const Recording& recording) {
  Tensor found = logits(network, recording.images);
  bool agrees =
      found.sizes() == recording.logits.sizes() &&
      ((found - recording.logits).abs().max() <= kTolerance * recording.logits.abs().max()).item<bool>();
  if (agrees) return;
  throw Error(ErrorCode::model,
              "As a list of steps, the model gives other outputs for " +
                  std::to_string(recording.images.size(0)) +
                  " images than its file does: it depends on something that steps don't see. Trace "
                  "it with torch.jit.trace in evaluation mode.");
}

/// The step that most likely makes an image's outputs depend on the others, in words.
std::string mixing_step(const Network& network) {
  for (const auto& step : network.steps) {
    const auto* op = std::get_if<Operator>(&step.operation);
    if (op && op->name == "aten::batch_norm") {
      return "its step '" + step.name() +
             "' is a batch norm without running statistics, which takes those of the batch. Train the model "
             "with track_running_stats=True, or with another norm.";
    }
  }
  return "if a norm over the batch does that, call model.eval() before the model is saved.";
}

/// An image's outputs must not depend on those that go through the network with it: neither the first's, nor
/// the last's, where a step may write to one place of the batch.
void check_independence(const Network& network, const Recording& recording) {
  for (int64_t row : {int64_t{0}, recording.images.size(0) - 1}) {
    Tensor alone = logits(network, recording.images.slice(0, row, row + 1));
    Tensor together = recording.logits.slice(0, row, row + 1);
    if (((alone - together).abs().max() <= kTolerance * together.abs().max()).item<bool>()) continue;
    throw Error(
        ErrorCode::model,
        "The outputs for an image depend on the other images of its batch, so that there is no map of one "
        "image: " +
            mixing_step(network));
  }
}

std::optional<Recording> try_record(const Program& program, const Tensor& images) {
  try {
    return record(program, images);
  } catch (const std::exception&) {
    return std::nullopt;  // it takes images of one size only
  }
}

/// What an image's size is to it, and where its layers lie.
void find_places(Network& network, const Trial& trial, const Tensor& input) {
  if (trial.tokens) {
    find_token_layers(network, input);
    choose_default_token_layers(network);
    return;
  }
  network.white = find_own_normalisation(network, input);
  find_layouts(network, input);
  choose_default_layers(network, input);
}

Network import_program(const Program& program, const Trial& trial) {
  const AllocationLimit limit(trial_memory());
  // What depends on a text's length is computed for each batch, as what depends on how many there are.
  std::optional<Recording> shorter;
  if (trial.tokens && trial.may_be_larger) shorter = try_record(program, trial.inputs_of_another_size(3));
  Recording more = shorter ? std::move(*shorter) : record(program, trial.inputs(3));
  check_output(more);
  std::optional<Recording> larger;
  if (trial.may_be_larger) larger = try_record(program, trial.inputs_of_another_size(2));
  Recording recording = record(program, trial.inputs(2), {&more.log, larger ? &larger->log : nullptr});
  check_output(recording);
  Network network = std::move(recording.network);
  network.input_channels = trial.tokens ? 0 : trial.channels;
  network.classes = recording.logits.size(1);
  network.require_finite_weights();
  bool takes_any_size =
      larger && !recording.tied_to_size && larger->logits.sizes() == recording.logits.sizes();
  if (!takes_any_size) network.image_size = {trial.height, trial.width};
  keep_batched_layers(network, recording.images, more.images);
  check_agreement(network, recording);
  check_agreement(network, more);
  check_independence(network, more);
  take_logits(network, program.output.kind, more.images, more.logits);
  take_two_classes(network);
  find_places(network, trial, recording.images.slice(0, 0, 1));
  return network;
}

/// A program of token ids, texts of so many: which ids there are is seen as it looks up the first of them.
Trial token_trial(const Program& program, int64_t length, bool has_any_length) {
  const AllocationLimit limit(trial_memory());
  Recording first = record(program, at::zeros({2, 1, 1, length}, at::kLong));
  auto table = find_token_table(first.network);
  if (!table) {
    throw Error(
        ErrorCode::model,
        "The model takes whole numbers, but doesn't look them up in a table of tokens first. Expected "
        "images in float32, or token ids that an embedding reads.");
  }
  return {1, 1, length, has_any_length && length > 3, table->size};
}

/// A script doesn't say what it takes. Of texts, none how long they are: as those of CLIP, or as one of its
/// tables is. Absent where it looks up no token ids of these lengths.
std::optional<Trial> script_token_trial(const Program& program, const std::vector<int64_t>& lengths) {
  const AllocationLimit limit(trial_memory());
  for (int64_t length : lengths) {
    auto first = try_record(program, at::zeros({2, 1, 1, length}, at::kLong));
    auto table = first ? find_token_table(first->network) : std::nullopt;
    if (table) return Trial{1, 1, length, length > 3, table->size};
  }
  return std::nullopt;
}

Network import_torchscript(const std::filesystem::path& path, std::array<int64_t, 2> size,
                           const OutputChoice& output) {
  imported::TorchScriptProgram script(path);
  const Program program{[&](Recorder& recorder) { return script.run(recorder); }, output};
  try {
    return import_program(program, {3, size[0], size[1]});
  } catch (const c10::Error&) {
    // Pictures are in colour or grey, or there are texts in their place; a script tells which by failing.
    try {
      return import_program(program, {1, size[0], size[1]});
    } catch (const std::exception&) {
    }
    if (auto texts = script_token_trial(program, script.possible_lengths())) {
      return import_program(program, *texts);
    }
    throw;
  }
}

Network import_exported(const std::filesystem::path& path, const OutputChoice& output) {
  imported::ExportedProgram exported(path);
  auto [channels, height, width] = exported.image_shape();
  const Program program{[&](Recorder& recorder) { return exported.run(recorder); }, output};
  if (!exported.takes_tokens() && channels != 1 && channels != 3) {
    throw Error(ErrorCode::model, "'" + path.string() + "' was exported for inputs of the shape (N, " +
                                      std::to_string(channels) + ", " + std::to_string(height) + ", " +
                                      std::to_string(width) +
                                      "), expected images (N, 3, height, width), or 1 in place of 3 for grey "
                                      "ones. If its channels come last, export a module that first calls "
                                      "images.permute(0, 2, 3, 1).");
  }
  try {
    if (exported.takes_tokens())
      return import_program(program, token_trial(program, width, exported.has_any_size()));
    return import_program(program, {channels, height, width, exported.has_any_size()});
  } catch (const c10::Error& error) {
    if (exported.has_any_batch()) throw;
    throw Error(ErrorCode::model, "'" + path.string() + "' was exported for one number of " +
                                      (exported.takes_tokens() ? "texts" : "images") +
                                      " only. Export it with "
                                      "dynamic_shapes=({0: torch.export.Dim(\"batch\")},).");
  }
}

Network import_onnx(const std::filesystem::path& path, std::array<int64_t, 2> size,
                    const OutputChoice& output) {
  imported::onnx::Program onnx(imported::onnx::read_onnx(path), size);
  auto [channels, height, width] = onnx.image_shape();
  const Program program{[&](Recorder& recorder) { return onnx.run(recorder); }, output};
  try {
    const Trial trial = onnx.takes_tokens() ? token_trial(program, width, onnx.has_any_size())
                                            : Trial{channels, height, width, onnx.has_any_size()};
    Network network = import_program(program, trial);
    network.notes.insert(network.notes.end(), onnx.notes().begin(), onnx.notes().end());
    return network;
  } catch (const imported::OutputError&) {
    throw;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::model || !onnx.batch()) throw;
    throw Error(ErrorCode::model, std::string(error.what()) + " The file was made for batches of " +
                                      std::to_string(*onnx.batch()) +
                                      ": where that is the reason, export it with a dynamic batch, by "
                                      "dynamic_axes or dynamic_shapes of torch.onnx.export.");
  }
}

/// Throws where the file is something else than a model, saying what.
void refuse_foreign(const std::filesystem::path& path) {
  io::naming_file(path.string(), [&] {
    if (auto what = imported::foreign_file(path)) throw io::Malformed(*what);
  });
}

}  // namespace

Network import_network(const std::filesystem::path& path, std::array<int64_t, 2> image_size,
                       const OutputChoice& output) {
  refuse_foreign(path);
  const bool is_onnx = imported::onnx::is_onnx(path);
  const bool is_exported = !is_onnx && imported::is_exported_archive(path);
  try {
    if (is_onnx) return import_onnx(path, image_size, output);
    return is_exported ? import_exported(path, output) : import_torchscript(path, image_size, output);
  } catch (const Error&) {
    throw;
  } catch (const c10::OutOfMemoryError&) {
    throw;
  } catch (const c10::Error& error) {
    throw Error(ErrorCode::model, "'" + path.string() + "' can't be run on images of " +
                                      std::to_string(image_size[0]) + "×" + std::to_string(image_size[1]) +
                                      " pixels (height × width), which lie as (N, 3, height, width). If it "
                                      "was made for another size, give that as "
                                      "preprocessing.crop, [height, width]. LibTorch says: " +
                                      io::first_lines(error.what_without_backtrace()));
  } catch (const std::exception&) {
    io::rethrow_naming_file(path.string());
  }
}

}  // namespace iba
