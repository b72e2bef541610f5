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
    "usage: bench peak|per-sample|breakdown [MODEL...] [--device cpu|cuda|cuda:N] [--batch N] [--steps N]\n"
    "             [--copies N] [--rounds N]\n"
    "MODEL is a name of the zoo; resnet50 and vgg16 if there is none.\n";

struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

const std::map<std::string, std::function<void(const Models&, const Options&)>> kCommands{
    {"peak", peak}, {"per-sample", per_sample}, {"breakdown", breakdown}};

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

CommandLine parse(const std::vector<std::string>& arguments) {
  CommandLine line;
  const std::map<std::string, int64_t*> numbers{{"--batch", &line.options.batch},
                                                {"--steps", &line.options.steps},
                                                {"--copies", &line.options.copies},
                                                {"--rounds", &line.options.rounds}};
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument.rfind("--", 0) == 0) {
      auto number = numbers.find(argument);
      if (number == numbers.end() && argument != "--device")
        throw UsageError("There is no option " + argument + ".");
      if (++i == arguments.size()) throw UsageError("Expected a value after " + argument + ".");
      if (number == numbers.end()) {
        line.device = arguments[i];
      } else {
        *number->second = positive(argument, arguments[i]);
      }
    } else if (line.command.empty()) {
      line.command = argument;
    } else {
      line.models.push_back(argument);
    }
  }
  if (kCommands.count(line.command) == 0) throw UsageError("Expected a command.");
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
