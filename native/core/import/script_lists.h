#pragma once

#include <string>
#include <vector>

#include "import/item.h"

namespace iba::imported {

/// TorchScript's operations on lists, dicts and None, done on items, so that every element is still known for
/// what it is. Null where `name` is none of them. `is_list`: the first input's type is a list.
Item script_list_operation(const std::string& name, bool is_list, const std::vector<Item>& inputs);

/// Keys and values in turn.
Item make_dictionary(const std::vector<Item>& keys_and_values);

/// Of a list or tuple by number, counted from the end if negative, or of a dict by its key.
Item element_at(const Item& container, const Item& index);

}  // namespace iba::imported
