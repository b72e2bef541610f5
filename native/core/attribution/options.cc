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

bool is_choice(const OptionSpec& spec, const OptionValue& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text && std::find(spec.choices.begin(), spec.choices.end(), *text) != spec.choices.end();
}

void check_array(const OptionSpec& spec, const OptionValue& value) {
  const auto* array = std::get_if<at::Tensor>(&value);
  std::string words = spec.choices.empty() ? "" : "one of " + io::joined(spec.choices) + ", or ";
  if (!array || array->numel() == 0) refuse(spec, words + "an array of numbers");
  at::Tensor fits = (*array >= spec.minimum).logical_and_(*array <= spec.maximum);
  if (fits.all().item<bool>()) return;
  std::ostringstream expected;
  expected << words << "an array of numbers from " << spec.minimum << " to " << spec.maximum;
  refuse(spec, expected.str());
}

void check_images(const OptionSpec& spec, const OptionValue& value) {
  const auto* images = std::get_if<at::Tensor>(&value);
  if (!images || images->dim() != 4 || images->numel() == 0)
    refuse(spec, "images of a shape (N, channels, height, width)");
  if (!images->isfinite().all().item<bool>()) refuse(spec, "images of finite numbers");
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
    case Form::choice:
      if (!is_choice(spec, value)) refuse(spec, "one of " + io::joined(spec.choices));
      return;
    case Form::text:
      if (!std::holds_alternative<std::string>(value)) refuse(spec, "a string");
      return;
    case Form::numbers:
      if (!std::holds_alternative<std::vector<double>>(value)) refuse(spec, "a list of numbers");
      for (double number : std::get<std::vector<double>>(value)) check_number(spec, number);
      return;
    case Form::array:
      if (!is_choice(spec, value)) check_array(spec, value);
      return;
    case Form::images:
      return check_images(spec, value);
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

OptionSpec OptionSpec::or_one_of(std::vector<std::string> words, std::string chosen) const {
  OptionSpec spec = *this;
  spec.choices = std::move(words);
  spec.standard = std::move(chosen);
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

OptionSpec array_option(std::string name, std::string summary, double minimum, double maximum) {
  return {std::move(name), std::move(summary), Form::array, {}, {}, minimum, maximum, {}};
}

OptionSpec images_option(std::string name, std::string summary) {
  return {.name = std::move(name), .summary = std::move(summary), .form = Form::images};
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

at::Tensor Options::tensor(const std::string& name) const {
  auto found = values_.find(name);
  const auto* tensor = found == values_.end() ? nullptr : std::get_if<at::Tensor>(&found->second);
  return tensor ? *tensor : at::Tensor();
}

}  // namespace iba
