// The core measured without Node. One line for each result: subject, what was measured, value, unit.

#include <dlfcn.h>

#include <cstdio>
#include <functional>
#include <map>
#include <stdexcept>

#include "commands.h"
#include "error.h"
#include "runtime/device.h"

namespace iba::bench {

namespace {

constexpr const char* kUsage =
    "usage: bench peak|roofline|per-sample|readout|degradation|breakdown [MODEL...] [--device "
    "cpu|cuda|cuda:N]\n"
    "             [--batch N,...] [--precision float32|tf32|bfloat16,...] [--steps N] [--copies N] [--rounds "
    "N]\n"
    "             [--size N]\n"
    "MODEL is a name of the zoo; resnet50 and vgg16 if there is none.\n";

struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

const std::map<std::string, std::function<void(const Models&, const Options&)>> kCommands{
    {"peak", peak},       {"roofline", roofline},       {"per-sample", per_sample},
    {"readout", readout}, {"degradation", degradation}, {"breakdown", breakdown}};

struct CommandLine {
  std::string command;
  Models models;
  std::string device = "cpu";
  Options options;
};

int64_t positive(const std::string& option, const std::string& text) {
  size_t used = 0;
  int64_t value = 0;
  try {
    value = std::stoll(text, &used);
  } catch (const std::exception&) {
    // Named below, with what is expected.
  }
  if (value < 1 || used != text.size())
    throw UsageError("Expected a positive number for " + option + ", but received '" + text + "'.");
  return value;
}

Precision precision_of(const std::string& text) {
  if (auto precision = precision_named(text)) return *precision;
  throw UsageError("Expected float32, tf32 or bfloat16 for --precision, but received '" + text + "'.");
}

/// What stands between the commas.
std::vector<std::string> parts_of(const std::string& text) {
  std::vector<std::string> parts(1);
  for (char c : text) {
    if (c == ',') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

/// What an option's value does to the command line.
using Setter = std::function<void(const std::string& option, const std::string& text)>;

std::map<std::string, Setter> setters_of(CommandLine& line) {
  auto number = [](int64_t& value) {
    return [&value](const std::string& option, const std::string& text) { value = positive(option, text); };
  };
  Options& options = line.options;
  return {{"--device", [&](const std::string&, const std::string& text) { line.device = text; }},
          {"--batch",
           [&](const std::string& option, const std::string& text) {
             options.batches.clear();
             for (const auto& part : parts_of(text)) options.batches.push_back(positive(option, part));
           }},
          {"--precision",
           [&](const std::string&, const std::string& text) {
             options.precisions.clear();
             for (const auto& part : parts_of(text)) options.precisions.push_back(precision_of(part));
           }},
          {"--steps", number(options.steps)},
          {"--copies", number(options.copies)},
          {"--rounds", number(options.rounds)},
          {"--size", number(options.size)}};
}

/// Throws UsageError where a precision would change nothing of what is measured.
void check_precisions(const CommandLine& line) {
  for (auto precision : line.options.precisions) {
    if (precision == Precision::tf32 && line.device.rfind("cuda", 0) != 0)
      throw UsageError("TF32 is a precision of NVIDIA's GPUs: give --device cuda.");
  }
}

CommandLine parse(const std::vector<std::string>& arguments) {
  CommandLine line;
  const auto setters = setters_of(line);
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument.rfind("--", 0) == 0) {
      auto setter = setters.find(argument);
      if (setter == setters.end()) throw UsageError("There is no option " + argument + ".");
      if (++i == arguments.size()) throw UsageError("Expected a value after " + argument + ".");
      setter->second(argument, arguments[i]);
    } else if (line.command.empty()) {
      line.command = argument;
    } else {
      line.models.push_back(argument);
    }
  }
  if (kCommands.count(line.command) == 0) throw UsageError("Expected a command.");
  check_precisions(line);
  if (line.models.empty()) line.models = {"resnet50", "vgg16"};
  return line;
}

/// LibTorch finds CUDA only if its library is open before the first call.
void open_cuda() {
  if (!dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL))
    throw Error(ErrorCode::device, std::string("CUDA can't run: ") + dlerror());
}

void run(const std::vector<std::string>& arguments) {
  CommandLine line = parse(arguments);
  if (line.device.rfind("cuda", 0) == 0) open_cuda();
  line.options.device = parse_device(line.device);
  kCommands.at(line.command)(line.models, line.options);
}

}  // namespace

}  // namespace iba::bench

int main(int count, char** arguments) {
  try {
    iba::bench::run({arguments + 1, arguments + count});
    return 0;
  } catch (const iba::bench::UsageError& error) {
    std::fprintf(stderr, "%s\n%s", error.what(), iba::bench::kUsage);
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
