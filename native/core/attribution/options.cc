#include "attribution/options.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "error.h"
#include "io/text.h"

namespace iba {

namespace {

using Form = OptionSpec::Form;

[[noreturn]] void refuse(const OptionSpec& spec, const std::string& expected) {
  throw Error(ErrorCode::invalid_argument, "Expected " + expected + " for " + spec.name + ".");
}

void check_number(const OptionSpec& spec, double value) {
  bool fits = std::isfinite(value) && value >= spec.minimum && value <= spec.maximum;
  if (fits && (spec.form != Form::whole || std::trunc(value) == value)) return;
  std::ostringstream expected;
  expected << (spec.form == Form::whole ? "a whole number" : "a number") << " from " << spec.minimum << " to "
           << spec.maximum;
  refuse(spec, expected.str());
}

void check(const OptionSpec& spec, const OptionValue& value) {
  switch (spec.form) {
    case Form::number:
    case Form::whole:
      if (!std::holds_alternative<double>(value)) refuse(spec, "a number");
      return check_number(spec, std::get<double>(value));
    case Form::flag:
      if (!std::holds_alternative<bool>(value)) refuse(spec, "true or false");
      return;
    case Form::choice: {
      const auto* text = std::get_if<std::string>(&value);
      if (!text || std::find(spec.choices.begin(), spec.choices.end(), *text) == spec.choices.end()) {
        refuse(spec, "one of " + io::joined(spec.choices));
      }
      return;
    }
    case Form::text:
      if (!std::holds_alternative<std::string>(value)) refuse(spec, "a string");
      return;
    case Form::numbers:
      if (!std::holds_alternative<std::vector<double>>(value)) refuse(spec, "a list of numbers");
      for (double number : std::get<std::vector<double>>(value)) check_number(spec, number);
      return;
  }
}

/// Whether options that aren't given have the value of the paper's code. A wrong preset is found later.
bool has_paper_options(const std::map<std::string, OptionValue>& given) {
  auto found = given.find("preset");
  const auto* name = found == given.end() ? nullptr : std::get_if<std::string>(&found->second);
  auto preset = name ? preset_named(*name) : std::nullopt;
  return preset && conventions_of(*preset).paper_options;
}

}  // namespace

OptionSpec OptionSpec::in_paper(OptionValue value) const {
  OptionSpec spec = *this;
  spec.paper = std::move(value);
  return spec;
}

OptionSpec OptionSpec::without_default() const {
  OptionSpec spec = *this;
  spec.standard.reset();
  return spec;
}

OptionSpec OptionSpec::described(std::string text) const {
  OptionSpec spec = *this;
  spec.summary = std::move(text);
  return spec;
}

OptionSpec number_option(std::string name, std::string summary, double standard, double minimum,
                         double maximum) {
  return {std::move(name), std::move(summary), Form::number, standard, {}, minimum, maximum, {}};
}

OptionSpec whole_option(std::string name, std::string summary, int64_t standard, int64_t minimum,
                        int64_t maximum) {
  return {std::move(name),
          std::move(summary),
          Form::whole,
          static_cast<double>(standard),
          {},
          static_cast<double>(minimum),
          static_cast<double>(maximum),
          {}};
}

OptionSpec flag_option(std::string name, std::string summary, bool standard) {
  OptionSpec spec{.name = std::move(name), .summary = std::move(summary), .form = Form::flag};
  spec.standard = standard;
  return spec;
}

OptionSpec choice_option(std::string name, std::string summary, std::string standard,
                         std::vector<std::string> choices) {
  OptionSpec spec{.name = std::move(name), .summary = std::move(summary), .form = Form::choice};
  spec.standard = std::move(standard);
  spec.choices = std::move(choices);
  return spec;
}

OptionSpec text_option(std::string name, std::string summary) {
  return {.name = std::move(name), .summary = std::move(summary), .form = Form::text};
}

OptionSpec numbers_option(std::string name, std::string summary) {
  return {.name = std::move(name), .summary = std::move(summary), .form = Form::numbers};
}

OptionSpec preset_option() {
  return choice_option("preset", "settings and post-processing: ours, or those of the paper's code",
                       preset_name(Preset::iba), {kPresetNames.begin(), kPresetNames.end()});
}

OptionSpec rows_option(int64_t standard) {
  constexpr int64_t kMostRows = 4096;
  return whole_option("rows", "images, or copies of images, that go through the network together at most",
                      standard, 1, kMostRows);
}

Options::Options(const std::vector<OptionSpec>& specs, const std::map<std::string, OptionValue>& given) {
  bool paper = has_paper_options(given);
  std::vector<std::string> names;
  for (const auto& spec : specs) {
    names.push_back(spec.name);
    const auto& standard = paper && spec.paper ? spec.paper : spec.standard;
    if (standard) values_[spec.name] = *standard;
    auto value = given.find(spec.name);
    if (value == given.end()) continue;
    check(spec, value->second);
    values_[spec.name] = value->second;
  }
  for (const auto& [name, value] : given) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    throw Error(ErrorCode::invalid_argument,
                "There is no option '" + name + "'. The options are: " + io::joined(names) + ".");
  }
}

}  // namespace iba
