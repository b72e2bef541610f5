#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "error.h"
#include "weights/weight_file.h"

namespace iba {

/// The tensors and the metadata of a file by their names. What is missing or wrong is refused, with the
/// file's name and what to do about it.
class FileEntries {
 public:
  /// Refuses with that code, and with the remedy as the message's last sentence.
  FileEntries(std::filesystem::path path, WeightFile file, ErrorCode code, std::string remedy);

  const std::map<std::string, at::Tensor>& tensors() const { return tensors_; }
  /// Its numbers are finite.
  const at::Tensor& tensor(const std::string& name) const;
  /// Refuses a tensor of the file that holds NaN or infinity.
  void require_finite_entry(const std::string& name, const at::Tensor& tensor) const;

  /// Metadata, which is empty where there is none of that name: as it is, as a list with commas, as a number,
  /// and as a whole number from 0 on.
  std::string text(const std::string& name) const;
  std::vector<std::string> list(const std::string& name) const;
  double number(const std::string& name) const;
  int64_t count(const std::string& name) const;

  [[noreturn]] void refuse(const std::string& problem) const;

 private:
  std::filesystem::path path_;
  std::map<std::string, at::Tensor> tensors_;
  std::map<std::string, std::string> metadata_;
  ErrorCode code_;
  std::string remedy_;
};

}  // namespace iba
