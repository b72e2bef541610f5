#pragma once

#include <string>
#include <vector>

#include "import/item.h"
#include "import/memory.h"
#include "import/native_operator.h"
#include "import/network_writer.h"
#include "import/shape_log.h"

namespace iba::imported {

/// Turns a program, which a front end executes on example images, into a network. Whatever doesn't depend on
/// the images becomes a constant; steps are named by the modules that are running.
class Recorder {
 public:
  Recorder(Tensor images, ShapeLog log);

  Item images() const { return images_; }

  /// Executes an operator on arguments in the order of its schema and adds what it computes from the images.
  /// Several results come as a list.
  Item call(const NativeOperator& op, std::vector<Item> arguments);

  /// The same for an operator's name, such as "aten::add", and overload. Arguments at the end may be left
  /// out.
  Item call_by_name(const std::string& name, const std::string& overload, std::vector<Item> arguments);

  /// Between the two, steps belong to this call of a module. `result` is what it returns.
  void enter_module(const std::string& path, const std::string& type) { writer_.enter_module(path, type); }
  void leave_module(const Item& result) { writer_.leave_module(result); }
  std::string place() const { return writer_.place(); }

  /// What the program decides on: true, false or a number of turns. Throws MODEL where it depends on pixels.
  at::IValue decide(const Item& condition, const std::string& what);

  /// Whether the program can be told from the outside only for images of this size.
  bool is_tied_to_size() const { return tied_to_size_; }
  const ShapeLog& log() const { return log_; }

  /// The network that computes `output`, with all its modules as layers.
  Network finish(const Item& output);

 private:
  struct Dependence {
    bool pixels = false, shape = false, size = false, network = false;
  };

  Dependence dependence_of(const std::vector<Item>& arguments) const;
  Item execute(const NativeOperator& op, std::vector<Item>& arguments, const Dependence& depends);
  Item result(const NativeOperator& op, const std::vector<Item>& arguments, const Dependence& depends,
              const at::IValue& value, std::optional<size_t> element);
  Item overwrite(const NativeOperator& op, std::vector<Item>& arguments, const Dependence& depends);
  void record(const NativeOperator& op, const std::vector<Item>& arguments, Entry& result,
              std::optional<size_t> element);

  NetworkWriter writer_;
  Item images_;
  ShapeLog log_;
  bool tied_to_size_ = false;
  Memory memory_;
};

}  // namespace iba::imported
