#include "weights/file_entries.h"

#include <charconv>
#include <cmath>
#include <sstream>

#include "finite.h"

namespace iba {

namespace {

/// Whether the whole text spells a number.
template <typename Number>
bool parse(const std::string& text, Number& number) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

FileEntries::FileEntries(std::filesystem::path path, WeightFile file, ErrorCode code, std::string remedy)
    : path_(std::move(path)),
      tensors_(file.tensors.begin(), file.tensors.end()),
      metadata_(std::move(file.metadata)),
      code_(code),
      remedy_(std::move(remedy)) {}

const at::Tensor& FileEntries::tensor(const std::string& name) const {
  auto found = tensors_.find(name);
  if (found == tensors_.end()) refuse("lacks the entry '" + name + "'");
  require_finite_entry(name, found->second);
  return found->second;
}

void FileEntries::require_finite_entry(const std::string& name, const at::Tensor& tensor) const {
  if (!is_finite(tensor)) refuse("holds NaN or infinity in '" + name + "', expected finite numbers");
}

std::string FileEntries::text(const std::string& name) const {
  auto found = metadata_.find(name);
  return found == metadata_.end() ? "" : found->second;
}

std::vector<std::string> FileEntries::list(const std::string& name) const {
  std::vector<std::string> parts;
  std::istringstream stream(text(name));
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  return parts;
}

double FileEntries::number(const std::string& name) const {
  double number = 0;
  if (!parse(text(name), number) || !std::isfinite(number))
    refuse("has '" + text(name) + "' as its " + name + ", expected a number");
  return number;
}

int64_t FileEntries::count(const std::string& name) const {
  int64_t count = 0;
  if (!parse(text(name), count) || count < 0)
    refuse("has '" + text(name) + "' as its " + name + ", expected a whole number from 0 on");
  return count;
}

void FileEntries::refuse(const std::string& problem) const {
  throw Error(code_, "'" + path_.string() + "' " + problem + ". " + remedy_);
}

}  // namespace iba
