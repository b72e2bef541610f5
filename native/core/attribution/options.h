#pragma once

#include <limits>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bottleneck/conventions.h"
#include "torch.h"

namespace iba {

/// What numbers are at most where nothing narrower is said: networks compute in floats, which end at 3.4e38,
/// and products and squares of numbers must not get there.
inline constexpr double kLargestNumber = 1e12;

using OptionValue = std::variant<double, bool, std::string, std::vector<double>, at::Tensor>;

/// An option of a method: what may be given for it, and what stands for it where nothing is given.
struct OptionSpec {
  /// `array` is a tensor of numbers in the range, or one of the choices where there are some; `images` are
  /// such as the network takes, (N, C, H, W).
  enum class Form { number, whole, flag, choice, text, numbers, array, images };

  std::string name;
  std::string summary;
  Form form = Form::number;
  /// None where the method finds it out itself, as said in the summary.
  std::optional<OptionValue> standard = {};
  /// What stands in the paper's code, where that is another value.
  std::optional<OptionValue> paper = {};
  double minimum = -kLargestNumber;
  double maximum = kLargestNumber;
  std::vector<std::string> choices = {};

  OptionSpec in_paper(OptionValue value) const;
  /// Without a default: the method finds its value out itself, as the summary says.
  OptionSpec without_default() const;
  OptionSpec described(std::string text) const;
  /// An array's words: what may be given in place of it, and which of them stands for nothing given.
  OptionSpec or_one_of(std::vector<std::string> words, std::string chosen) const;
};

OptionSpec number_option(std::string name, std::string summary, double standard, double minimum,
                         double maximum = kLargestNumber);
OptionSpec whole_option(std::string name, std::string summary, int64_t standard, int64_t minimum,
                        int64_t maximum = 1'000'000);
OptionSpec flag_option(std::string name, std::string summary, bool standard);
OptionSpec choice_option(std::string name, std::string summary, std::string standard,
                         std::vector<std::string> choices);
OptionSpec text_option(std::string name, std::string summary);
OptionSpec numbers_option(std::string name, std::string summary);
/// Without a default, and without choices.
OptionSpec array_option(std::string name, std::string summary, double minimum, double maximum);
OptionSpec images_option(std::string name, std::string summary);

/// "preset": whose conventions are followed.
OptionSpec preset_option();

/// "rows", as runtime/rows.h says.
OptionSpec rows_option(int64_t standard);

/// The chosen value of every option that has one.
class Options {
 public:
  /// Completes what is given by the presets' values ("preset" is `iba` or `paper`). Throws INVALID_ARGUMENT
  /// for an unknown name, a value of another form, or one out of range.
  Options(const std::vector<OptionSpec>& specs, const std::map<std::string, OptionValue>& given);

  bool has(const std::string& name) const { return values_.contains(name); }
  double number(const std::string& name) const { return get<double>(name); }
  int64_t whole(const std::string& name) const { return static_cast<int64_t>(get<double>(name)); }
  bool flag(const std::string& name) const { return get<bool>(name); }
  const std::string& text(const std::string& name) const { return get<std::string>(name); }
  const std::vector<double>& numbers(const std::string& name) const { return get<std::vector<double>>(name); }
  /// Of an array or of images; undefined where there are none, or a word in place of them.
  at::Tensor tensor(const std::string& name) const;
  /// Of the preset that was chosen.
  const Conventions& conventions() const { return conventions_of(*preset_named(text("preset"))); }

 private:
  template <typename T>
  const T& get(const std::string& name) const {
    return std::get<T>(values_.at(name));
  }

  std::map<std::string, OptionValue> values_;
};

}  // namespace iba
