#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include <ATen/core/enum_type.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>

#include "weights/pickle_node.h"

namespace iba::imported {

/// Makes values of a TorchScript program from what a pickle holds. Each is of the type that the program
/// declares for it, so that nothing is taken for what it isn't. Throws Malformed.
class ScriptValues {
 public:
  /// `class_of` gives the class of a name.
  using ClassOf = std::function<c10::StrongTypePtr(const std::string& name)>;
  explicit ScriptValues(ClassOf class_of) : class_of_(std::move(class_of)) {}

  /// The model: an object of any module class, in evaluation mode and float32.
  at::IValue model(const pickle::Node& node);

 private:
  struct Made {
    at::IValue value;
    /// How many objects are in it, where one in two places counts twice.
    size_t objects;
  };

  at::IValue value(const pickle::Node& node, const at::TypePtr& type);
  at::IValue plain(const pickle::Node& node, const at::TypePtr& type);
  at::IValue list(const pickle::Node& node, const c10::ListType& type);
  at::IValue dictionary(const pickle::Node& node, const c10::DictType& type);
  at::IValue tuple(const pickle::Node& node, const c10::TupleTypePtr& type);
  at::IValue member_of(const pickle::Node& node, const c10::UnionType& type);
  at::IValue enumerator(const pickle::Node& node, const c10::EnumTypePtr& type);
  at::IValue object(const pickle::Node& node, const at::TypePtr& type);
  Made make_object(const pickle::Object& object);

  ClassOf class_of_;
  std::unordered_map<const pickle::Object*, Made> objects_;
  size_t values_ = 0;
  size_t objects_inside_ = 0;
};

/// A program's constants: tensors.
std::vector<at::IValue> script_constants(const pickle::Node& node);

}  // namespace iba::imported
