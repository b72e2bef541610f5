#include "import/foreign_file.h"

#include <algorithm>
#include <cctype>
#include <functional>
#include <vector>

#include "import/onnx/model_file.h"
#include "io/text.h"
#include "io/zip_archive.h"

namespace iba::imported {

namespace {

namespace fs = std::filesystem;

/// Enough for every signature, the last of which lies in the header of a tar archive.
constexpr uint64_t kFirstBytes = 512;
constexpr uint64_t kMostPickle = 1 << 20;

const std::string kExport =
    "torch.export.save(torch.export.export(model.eval(), (images,), "
    "dynamic_shapes=({0: torch.export.Dim('batch')},)), 'model.pt2')";
const std::string kExpected = " Expected what torch.jit.save or torch.export.save wrote, or an ONNX model.";
const std::string kOtherFramework =
    " Only PyTorch's and ONNX models can be read. Export it as ONNX, or build the same model in PyTorch and "
    "save it with " +
    kExport + ".";

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool is_text(std::string_view begin) {
  return std::all_of(begin.begin(), begin.end(), [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 || byte == '\n' || byte == '\r' || byte == '\t';
  });
}

unsigned char byte_at(const std::string& begin, size_t at) {
  return at < begin.size() ? static_cast<unsigned char>(begin[at]) : 0;
}

std::string core_ml() {
  return "it is a Core ML model." + kOtherFramework;
}

std::string tensorflow(const std::string& what) {
  return "it is " + what + " of TensorFlow." + kOtherFramework;
}

std::string keras() {
  return "it is a Keras model or its weights." + kOtherFramework;
}

/// Core ML and TensorFlow write protobuf, which has no signature.
std::optional<std::string> protobuf(const std::string& ending) {
  if (ending == ".mlmodel") return core_ml();
  if (ending == ".pb" || ending == ".pbtxt") return tensorflow("a graph");
  return std::nullopt;
}

/// What exporters call the file of a model's tensors.
bool is_external_data(const std::string& name) {
  return contains(name, ".onnx_data") || contains(name, ".onnx.data");
}

std::string weights_alone(const std::string& what) {
  return "it holds " + what +
         " and no model. Give it as the weights of an architecture that is built in, or load it in Python "
         "into the model that it belongs to, and save that with " +
         kExport + ".";
}

/// What torch.save wrote, by the text of its pickle.
std::string saved_by_torch(const std::string& pickle) {
  auto has = [&](std::string_view part) { return contains(pickle, part); };
  if (has("_parameters") && has("_modules")) {
    return "it is a whole model that torch.save pickled: reading it would execute what it contains. Load it "
           "in "
           "Python where you trust it, with model = torch.load(path, weights_only=False), and save it with " +
           kExport + ".";
  }
  if (has("optimizer") || has("epoch") || has("state_dict")) return weights_alone("a training checkpoint");
  return weights_alone("a state dict");
}

std::string archive_of(const io::ZipArchive& zip) {
  std::vector<std::string> names;
  for (const auto& [name, entry] : zip.entries()) names.push_back("'" + name + "'");
  return "it is a zip archive of something else, with " + io::joined_some(names) + "." + kExpected;
}

std::optional<std::string> zip(const io::InputFile& file) {
  const io::ZipArchive zip(file);
  auto entry_ending_with = [&](std::string_view ending) -> std::optional<std::string> {
    for (const auto& [name, entry] : zip.entries()) {
      if (name == ending || name.ends_with("/" + std::string(ending))) return name;
    }
    return std::nullopt;
  };
  auto has = [&](std::string_view ending) { return entry_ending_with(ending).has_value(); };
  if (has("constants.pkl") || has("archive_format") || has("serialized_exported_program.json")) {
    bool is_compiled = !has("constants.pkl") &&
                       std::any_of(zip.entries().begin(), zip.entries().end(),
                                   [](const auto& entry) { return contains(entry.first, "/aotinductor/"); });
    if (!is_compiled) return std::nullopt;
    return "it was compiled by AOTInductor: it is machine code. Save the program that it was compiled from "
           "with " +
           kExport + ".";
  }
  if (has("model.weights.h5")) return keras();
  if (has("Manifest.json") && has("model.mlmodel")) return core_ml();
  if (has("MAR-INF/MANIFEST.json")) {
    return "it is a model archive of TorchServe. Unzip it, and give the model file that it contains.";
  }
  if (has("extern_modules")) {
    return "it was saved by torch.package, whose Python code would be executed. Load it in Python where you "
           "trust "
           "it, and save the model with " +
           kExport + ".";
  }
  if (auto pickle = entry_ending_with("data.pkl")) {
    auto range = zip.range(*pickle);
    std::string text(std::min(range.size, kMostPickle), '\0');
    file.read(range.begin, text.data(), text.size());
    return saved_by_torch(text);
  }
  return archive_of(zip);
}

/// A kind of file that begins in a way of its own.
struct Signature {
  size_t offset;
  std::string bytes;
  std::string description;
};

const std::vector<Signature>& signatures() {
  static const std::vector<Signature> kSignatures = {
      {0, "version https://git-lfs.github.com/spec/",
       "it is a pointer of Git LFS, not the file itself. Fetch that with `git lfs pull`."},
      {0, "\x89HDF\r\n\x1a\n", keras()},
      {4, "TFL3", tensorflow("a TensorFlow Lite model")},
      {4, "ORTM",
       "it is in ONNX Runtime's own format. Give the ONNX model (.onnx) that it was converted from."},
      {0, "GGUF", "it holds weights of a language model for llama.cpp." + kOtherFramework},
      {0, "\x93NUMPY", "it is an array of NumPy. Expected a model."},
      {0,
       "\x7f"
       "ELF",
       "it is compiled machine code." + kOtherFramework},
      {0, "ftrt", "it is an engine of TensorRT." + kOtherFramework},
      {0, "\x1f\x8b", "it is compressed with gzip. Unpack it, and give the model file that it contains."},
      {0, "BZh", "it is compressed with bzip2. Unpack it, and give the model file that it contains."},
      {0,
       std::string("\xfd"
                   "7zXZ"),
       "it is compressed with xz. Unpack it, and give the model file that it contains."},
      {0, "7z\xbc\xaf", "it is a 7-Zip archive. Unpack it, and give the model file that it contains."},
      {257, "ustar", "it is a tar archive. Unpack it, and give the model file that it contains."},
      {0, "\x89PNG", "it is an image. Expected a model."},
      {0, "\xff\xd8\xff", "it is an image. Expected a model."},
      {0, "RIFF", "it is an image or a sound. Expected a model."},
      {0, "%PDF", "it is a document. Expected a model."}};
  return kSignatures;
}

bool is_safetensors(const std::string& begin, uint64_t size) {
  if (begin.size() < 10 || begin[8] != '{') return false;
  uint64_t header = 0;
  for (size_t i = 8; i-- > 0;) header = header << 8 | static_cast<unsigned char>(begin[i]);
  return header >= 2 && header <= size - 8;
}

std::optional<std::string> text(const std::string& begin, const std::string& ending) {
  if (!is_text(begin)) return std::nullopt;
  std::string words = lower(begin);
  words.erase(0, words.find_first_not_of(" \n\r\t"));
  if (words.starts_with("<!doctype html") || words.starts_with("<html")) {
    return "it is a web page, such as a download that failed is. Download the file again.";
  }
  if (contains(words, "modeltopology")) return tensorflow("a TensorFlow.js model");
  if (words.starts_with("<?xml")) return "it is XML, such as OpenVINO's models." + kOtherFramework;
  if (ending == ".py") {
    return "it is Python code. Run it, and save the model that it makes with " + kExport + ".";
  }
  return "it is text." + kExpected;
}

std::string folder(const fs::path& path) {
  auto has = [&](const char* name) { return fs::exists(path / name); };
  if (has("saved_model.pb")) return tensorflow("a SavedModel");
  if (has("Manifest.json")) return core_ml();
  if (has("config.json")) {
    return "it is a folder of Hugging Face. Load it in Python, for example with "
           "AutoModelForImageClassification.from_pretrained, and save a module whose forward returns its "
           "logits with " +
           kExport + ".";
  }
  return "it is a folder. Give a model file.";
}

}  // namespace

std::optional<std::string> foreign_file(const fs::path& path) {
  if (fs::is_directory(path)) return folder(path);
  if (onnx::is_onnx(path)) return std::nullopt;
  if (is_external_data(lower(path.filename().string()))) {
    return "it holds the tensors of an ONNX model. Give the model (.onnx) that lies beside it.";
  }
  const io::InputFile file(path);
  std::string begin(std::min(file.size(), kFirstBytes), '\0');
  if (begin.empty()) return "it is empty. Was it saved or downloaded completely?";
  file.read(0, begin.data(), begin.size());
  const std::string ending = lower(path.extension().string());
  if (begin.starts_with("PK")) return zip(file);
  for (const auto& signature : signatures()) {
    if (begin.compare(std::min(signature.offset, begin.size()), signature.bytes.size(), signature.bytes) == 0)
      return signature.description;
  }
  if (is_safetensors(begin, file.size())) return weights_alone("weights alone (safetensors)");
  bool is_pickle = begin[0] == '\x80' && byte_at(begin, 1) >= 2 && byte_at(begin, 1) <= 5;
  if (is_pickle) {
    std::string all(std::min(file.size(), kMostPickle), '\0');
    file.read(0, all.data(), all.size());
    return saved_by_torch(all);
  }
  if (auto found = protobuf(ending)) return found;
  if (auto found = text(begin, ending)) return found;
  if (ending == ".onnx") return "it is named as an ONNX model, but doesn't begin as one does.";
  return "it is of an unknown kind." + kExpected;
}

}  // namespace iba::imported
