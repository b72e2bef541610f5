#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "import/item.h"
#include "import/native_operator.h"

namespace iba::imported {

/// The numbers that a program computes from the shape of its images, in order.
using ShapeLog = std::vector<at::IValue>;

/// What recordings on other images found: numbers that differ there are computed anew for every batch, or tie
/// the network to images of one size. Without these, every number counts as constant.
struct OtherRecordings {
  const ShapeLog* more_images = nullptr;
  const ShapeLog* larger_images = nullptr;  // null where the model takes images of one size only
};

/// Turns a program, which a front end executes on example images, into a network. Whatever doesn't depend on
/// the images becomes a constant; steps are named by the modules that are running.
class Recorder {
 public:
  Recorder(Tensor images, OtherRecordings others);

  Item images() const { return images_; }

  /// Executes an operator on arguments in the order of its schema and adds what it computes from the images.
  /// Several results come as a list.
  Item call(const NativeOperator& op, std::vector<Item> arguments);

  /// Between the two, steps belong to this call of a module. `result` is what it returns.
  void enter_module(const std::string& path, const std::string& type);
  void leave_module(const Item& result);

  /// What the program decides on: true, false or a number of turns. Throws MODEL where it depends on pixels.
  at::IValue decide(const Item& condition, const std::string& what);

  /// Whether the program can be told from the outside only for images of this size.
  bool is_tied_to_size() const { return tied_to_size_; }
  const ShapeLog& log() const { return log_; }
  std::string place() const;

  /// The network that computes `output`, with all its modules as layers.
  Network finish(const Item& output);

 private:
  struct ModuleCall {
    std::string path;
    std::string type;
    std::vector<size_t> own_steps;  // that make activations
    bool has_inner = false;
  };
  struct Group {
    size_t after_steps;
    Layer layer;
  };
  struct Dependence {
    bool pixels = false, shape = false, size = false, network = false;
  };

  Dependence dependence_of(const std::vector<Item>& arguments) const;
  Item execute(const NativeOperator& op, std::vector<Item>& arguments, const Dependence& depends);
  Item attention(std::vector<Item>& arguments);
  Item call_by_name(const std::string& name, const std::string& overload, std::vector<Item> arguments);
  Item result(const NativeOperator& op, const std::vector<Item>& arguments, const Dependence& depends,
              const at::IValue& value, std::optional<size_t> element);
  Item overwrite(const NativeOperator& op, std::vector<Item>& arguments, const Dependence& depends);
  void record(const NativeOperator& op, const std::vector<Item>& arguments, Entry& result,
              std::optional<size_t> element);
  ValueId add_step(const std::string& name, Operation operation, std::vector<ValueId> inputs, bool is_number);
  void classify_number(Entry& result);
  void watch_memory(const Item& item);
  void mark_views_stale(const Item& overwritten);
  void number_calls();
  std::vector<bool> values_needed(ValueId output) const;
  void collect_layers(const std::vector<bool>& needed);

  Network network_;
  Item images_;
  OtherRecordings others_;
  ShapeLog log_;
  bool tied_to_size_ = false;
  std::vector<ModuleCall> modules_;
  std::vector<Group> groups_;
  std::unordered_multimap<const void*, std::weak_ptr<Entry>> memory_;
};

}  // namespace iba::imported
