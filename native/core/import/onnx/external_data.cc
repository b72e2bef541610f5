#include "import/onnx/external_data.h"

#include <algorithm>

#include "io/malformed.h"

namespace iba::imported::onnx {

namespace fs = std::filesystem;
using io::Malformed;

namespace {

/// A name that may not lead elsewhere, on any system: files come from others.
void require_inside(const std::string& location) {
  const fs::path path(location);
  const bool has_drive = location.size() > 1 && location[1] == ':';
  const bool leads_out = std::find(path.begin(), path.end(), fs::path("..")) != path.end();
  const bool is_name =
      !location.empty() && location.find_first_of(std::string("\\\0", 2)) == std::string::npos;
  if (is_name && path.is_relative() && !has_drive && !leads_out) return;
  throw Malformed("its tensors have to lie in the model's folder, but are in the file '" + location + "'");
}

bool is_below(const fs::path& folder, const fs::path& file) {
  return std::mismatch(folder.begin(), folder.end(), file.begin(), file.end()).first == folder.end();
}

}  // namespace

ExternalFiles::ExternalFiles(const fs::path& model)
    : folder_(fs::canonical(fs::absolute(model).parent_path())),
      linked_folder_(fs::canonical(model).parent_path()) {}

fs::path ExternalFiles::find(const std::string& location) const {
  require_inside(location);
  std::error_code error;
  fs::path file = fs::canonical(folder_ / location, error);
  if (error) {
    throw Malformed("its tensors lie in the file '" + location + "', which can't be found (" +
                    error.message() + "). Put it into the model's folder, under that name");
  }
  if (is_below(folder_, file) || is_below(linked_folder_, file)) return file;
  throw Malformed("its tensors lie in the file '" + location +
                  "', which is a link that leads out of the model's folder. Put the file itself there");
}

const io::InputFile& ExternalFiles::open(const std::string& location) {
  if (file_ && location == location_) return *file_;
  const fs::path path = find(location);
  try {
    file_ = std::make_unique<io::InputFile>(path, io::Links::refused);
  } catch (const Malformed& error) {
    throw Malformed("its tensors lie in the file '" + location + "': " + error.what());
  }
  location_ = location;
  if (opened_.insert(path).second) bytes_ += file_->size();
  return *file_;
}

}  // namespace iba::imported::onnx
