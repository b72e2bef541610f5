#include "attribution/options.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "error.h"

namespace iba {

namespace {

using Form = OptionSpec::Form;

[[noreturn]] void refuse(const OptionSpec& spec, const std::string& expected) {
  throw Error("INVALID_ARGUMENT", "Expected " + expected + " for " + spec.name + ".");
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
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
        refuse(spec, "one of " + joined(spec.choices));
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

bool is_paper(const std::map<std::string, OptionValue>& given) {
  auto preset = given.find("preset");
  return preset != given.end() && preset->second == OptionValue(std::string("paper"));
}

}  // namespace

OptionSpec OptionSpec::in_paper(OptionValue value) const {
  OptionSpec spec = *this;
  spec.paper = std::move(value);
  return spec;
}

OptionSpec OptionSpec::as_required() const {
  OptionSpec spec = *this;
  spec.required = true;
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

Options::Options(const std::vector<OptionSpec>& specs, const std::map<std::string, OptionValue>& given) {
  bool paper = iba::is_paper(given);
  std::vector<std::string> names;
  for (const auto& spec : specs) {
    names.push_back(spec.name);
    const auto& standard = paper && spec.paper ? spec.paper : spec.standard;
    if (standard) values_[spec.name] = *standard;
    auto value = given.find(spec.name);
    if (value == given.end()) {
      if (spec.required) refuse(spec, spec.summary);
      continue;
    }
    check(spec, value->second);
    values_[spec.name] = value->second;
  }
  for (const auto& [name, value] : given) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    throw Error("INVALID_ARGUMENT",
                "There is no option '" + name + "'. The options are: " + joined(names) + ".");
  }
}

}  // namespace iba
