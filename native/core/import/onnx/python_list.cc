#include "import/onnx/python_list.h"

#include <optional>

namespace iba::imported::onnx {

namespace {

constexpr size_t kMostTexts = 100;

/// Reads forwards through the printed list.
class ListReader {
 public:
  explicit ListReader(std::string_view rest) : rest_(rest) {}

  std::optional<std::vector<std::string>> list() {
    std::vector<std::string> texts;
    if (!take('[')) return std::nullopt;
    while (!take(']')) {
      const bool separated = texts.empty() || (take(',') && take(' '));
      auto next = separated && texts.size() < kMostTexts ? text() : std::nullopt;
      if (!next) return std::nullopt;
      texts.push_back(std::move(*next));
    }
    return rest_.empty() ? std::optional(std::move(texts)) : std::nullopt;
  }

 private:
  bool take(char expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// In single or double quotes, where only quotes and backslashes are escaped.
  std::optional<std::string> text() {
    const char quote = rest_.starts_with('"') ? '"' : '\'';
    if (!take(quote)) return std::nullopt;
    std::string text;
    while (!take(quote)) {
      const bool escaped = take('\\');
      if (rest_.empty()) return std::nullopt;
      const char next = rest_.front();
      if (escaped && next != '\\' && next != '\'' && next != '"') return std::nullopt;
      text.push_back(next);
      rest_.remove_prefix(1);
    }
    return text;
  }

  std::string_view rest_;
};

}  // namespace

std::vector<std::string> python_texts(std::string_view list) {
  return ListReader(list).list().value_or(std::vector<std::string>{});
}

}  // namespace iba::imported::onnx
