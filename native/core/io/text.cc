#include "io/text.h"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <sstream>

namespace iba::io {

namespace {

constexpr size_t kSome = 8;
constexpr size_t kNearest = 3;
constexpr size_t kLongestBeginning = 600;

/// Insertions, deletions and substitutions that make one of the other (Levenshtein).
size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t substitution = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitution});
    }
  }
  return row[b.size()];
}

/// Without what only means something below another line, such as the marks that LibTorch's compiler puts
/// under a mistake.
std::string on_one_line(const std::string& text) {
  std::istringstream words(text);
  std::string line;
  for (std::string word; words >> word;) {
    const bool underlines = word.find_first_not_of('~') == std::string::npos;
    if (!underlines) line += (line.empty() ? "" : " ") + word;
  }
  return line;
}

/// Takes out each part of a text that lies between two marks, with the marks.
void remove_each(std::string& text, const std::string& first, const std::string& last) {
  for (size_t begin = 0; (begin = text.find(first, begin)) != std::string::npos;) {
    size_t end = text.find(last, begin);
    if (end == std::string::npos) return;
    text.erase(begin, end + last.size() - begin);
  }
}

}  // namespace

std::string joined(const std::vector<std::string>& parts, const std::string& separator) {
  std::string text;
  for (size_t i = 0; i < parts.size(); ++i) text += (i ? separator : "") + parts[i];
  return text;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::string joined_some(const std::vector<std::string>& parts) {
  if (parts.size() <= kSome) return joined(parts);
  return joined({parts.begin(), parts.begin() + kSome}) + " and " + std::to_string(parts.size() - kSome) +
         " more";
}

std::string nearest(const std::string& name, const std::vector<std::string>& candidates) {
  std::vector<std::pair<size_t, std::string>> ranked;
  for (const auto& candidate : candidates) ranked.emplace_back(edit_distance(name, candidate), candidate);
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> first;
  for (size_t i = 0; i < std::min(kNearest, ranked.size()); ++i) first.push_back(ranked[i].second);
  return joined(first);
}

std::string shape_text(at::IntArrayRef shape) {
  std::vector<std::string> sizes;
  for (int64_t size : shape) sizes.push_back(std::to_string(size));
  return "(" + joined(sizes) + ")";
}

std::string without_frames(std::string message) {
  for (const char* begin : {"Exception raised from ", "frame #", "C++ CapturedTraceback:"})
    message.resize(std::min(message.find(begin), message.size()));
  remove_each(message, "[enforce fail at ", "] ");
  remove_each(message, "INTERNAL ASSERT FAILED at ", "please report a bug to PyTorch. ");
  while (!message.empty() && std::isspace(static_cast<unsigned char>(message.back()))) message.pop_back();
  return message;
}

std::string first_lines(const std::string& message) {
  return without_frames(on_one_line(message).substr(0, kLongestBeginning));
}

}  // namespace iba::io
