#include "weights/pickle_machine.h"

#include <algorithm>
#include <bit>
#include <cstddef>

#include "io/malformed.h"
#include "weights/pickle_globals.h"
#include "weights/pickle_integers.h"
#include "weights/pickle_opcodes.h"
#include "weights/pickle_structure.h"

namespace iba::pickle {

using io::Malformed;

namespace {

constexpr uint8_t kNewestProtocol = 5;
constexpr uint64_t kMemoEntryBytes = 48;
constexpr size_t kLongestGlobal = 1024;

std::string hexadecimal(uint8_t op) {
  constexpr const char* kDigits = "0123456789abcdef";
  return std::string("0x") + kDigits[op >> 4] + kDigits[op & 15];
}

}  // namespace

Machine::Machine(io::ByteReader& in, Arena& arena, StorageSource* storages, Vocabulary vocabulary)
    : in_(in), arena_(arena), storages_(storages), vocabulary_(vocabulary) {}

Node* Machine::run() {
  for (auto op = in_.number<uint8_t>(); op != kStop; op = in_.number<uint8_t>()) {
    const bool known = run_literal(op) || run_text(op) || run_container(op) || run_stack(op) ||
                       run_memo(op) || run_object(op) ||
                       (vocabulary_ == Vocabulary::weights && run_python(op));
    if (!known) {
      throw Malformed("the pickle has the instruction " + hexadecimal(op) +
                      ", which files of tensors don't have");
    }
  }
  return stack_.pop();
}

bool Machine::run_literal(uint8_t op) {
  switch (op) {
    case kNone:
      push(std::monostate{});
      return true;
    case kNewTrue:
    case kNewFalse:
      push(op == kNewTrue);
      return true;
    case kBinInt:
      push(int64_t{in_.number<int32_t>()});
      return true;
    case kBinInt1:
      push(int64_t{in_.number<uint8_t>()});
      return true;
    case kBinInt2:
      push(int64_t{in_.number<uint16_t>()});
      return true;
    case kLong1:
      push(integer_of_bytes(take(in_.number<uint8_t>())));
      return true;
    case kLong4:
      push(integer_of_bytes(take(in_.number<uint32_t>())));
      return true;
    // The one number that a pickle holds in big-endian order.
    case kBinFloat:
      push(std::bit_cast<double>(__builtin_bswap64(in_.number<uint64_t>())));
      return true;
    default:
      return false;
  }
}

bool Machine::run_text(uint8_t op) {
  switch (op) {
    case kShortBinString:
    case kShortBinUnicode:
      push(take(in_.number<uint8_t>()));
      return true;
    case kBinString:
    case kBinUnicode:
      push(take(in_.number<uint32_t>()));
      return true;
    case kBinUnicode8:
      push(take(in_.number<uint64_t>()));
      return true;
    case kShortBinBytes:
      push(Bytes{take(in_.number<uint8_t>())});
      return true;
    case kBinBytes:
      push(Bytes{take(in_.number<uint32_t>())});
      return true;
    case kBinBytes8:
    case kByteArray8:
      push(Bytes{take(in_.number<uint64_t>())});
      return true;
    default:
      return false;
  }
}

bool Machine::run_container(uint8_t op) {
  switch (op) {
    case kEmptyList:
      push(List{});
      return true;
    case kEmptyDict:
      push(Dict{});
      return true;
    case kEmptyTuple:
      push(Tuple{});
      return true;
    case kTuple1:
    case kTuple2:
    case kTuple3:
      push_tuple(size_t{op} - kTuple1 + 1);
      return true;
    case kTuple:
      push(Tuple{stack_.pop_to_mark()});
      return true;
    case kList:
      push(List{stack_.pop_to_mark()});
      return true;
    case kDict:
      push_dict(stack_.pop_to_mark());
      return true;
    case kAppend:
      append({stack_.pop()});
      return true;
    case kAppends:
      append(stack_.pop_to_mark());
      return true;
    case kSetItems:
      set_items(stack_.pop_to_mark());
      return true;
    case kSetItem: {
      Node* value = stack_.pop();
      Node* key = stack_.pop();
      set_items({key, value});
      return true;
    }
    default:
      return false;
  }
}

bool Machine::run_stack(uint8_t op) {
  switch (op) {
    case kMark:
      stack_.mark();
      return true;
    case kPopMark:
      stack_.pop_to_mark();
      return true;
    case kDup:
      stack_.push(&stack_.top());
      return true;
    case kFrame:
      in_.skip(sizeof(uint64_t));
      return true;
    case kPop:
      stack_.pop_value_or_mark();
      return true;
    case kProtocol:
      if (in_.number<uint8_t>() > kNewestProtocol) throw Malformed("the pickle's protocol is newer than 5");
      return true;
    default:
      return false;
  }
}

bool Machine::run_memo(uint8_t op) {
  switch (op) {
    case kBinPut:
      remember(in_.number<uint8_t>());
      return true;
    case kLongBinPut:
      remember(in_.number<uint32_t>());
      return true;
    case kMemoize:
      remember(memo_.size());
      return true;
    case kBinGet:
      recall(in_.number<uint8_t>());
      return true;
    case kLongBinGet:
      recall(in_.number<uint32_t>());
      return true;
    default:
      return false;
  }
}

bool Machine::run_object(uint8_t op) {
  switch (op) {
    case kGlobal:
      push_global();
      return true;
    case kStackGlobal:
      push_stack_global();
      return true;
    case kReduce:
    case kNewObject: {
      Node* arguments = stack_.pop();
      Node* callee = stack_.pop();
      stack_.push(call(arena_, *callee, *arguments, vocabulary_));
      return true;
    }
    case kBuild: {
      Node* state = stack_.pop();
      build(arena_, stack_.top(), *state, vocabulary_);
      return true;
    }
    case kBinPersistentId: {
      Node* id = stack_.pop();
      if (!storages_) throw Malformed("the pickle refers to a tensor storage where none can be");
      stack_.push(storages_->resolve(*id));
      return true;
    }
    default:
      return false;
  }
}

/// What pickles of other things than a state dict have beside those instructions.
bool Machine::run_python(uint8_t op) {
  switch (op) {
    case kInt:
    case kLong:
      push(integer_of_digits(in_.line()));
      return true;
    case kEmptySet:
      push(List{});
      return true;
    case kAddItems:
      append(stack_.pop_to_mark());
      return true;
    case kFrozenSet:
      push(List{stack_.pop_to_mark()});
      return true;
    case kInst: {
      push_global();
      const Node* callee = stack_.pop();
      push_made(*callee, stack_.pop_to_mark());
      return true;
    }
    case kObj: {
      std::vector<Node*> callee_and_arguments = stack_.pop_to_mark();
      if (callee_and_arguments.empty()) throw Malformed("the pickle makes an object of no class");
      const auto first = callee_and_arguments.begin();
      push_made(**first, {first + 1, callee_and_arguments.end()});
      return true;
    }
    case kNewObjectEx: {
      stack_.pop();  // the arguments with names
      Node* arguments = stack_.pop();
      Node* callee = stack_.pop();
      stack_.push(call(arena_, *callee, *arguments, vocabulary_));
      return true;
    }
    default:
      return false;
  }
}

void Machine::push(Payload payload) {
  stack_.push(arena_.make(std::move(payload)));
}

void Machine::push_tuple(size_t count) {
  std::vector<Node*> items(count);
  for (size_t i = count; i-- > 0;) items[i] = stack_.pop();
  push(Tuple{std::move(items)});
}

void Machine::push_made(const Node& callee, std::vector<Node*> arguments) {
  Node tuple{Tuple{std::move(arguments)}};
  stack_.push(call(arena_, callee, tuple, vocabulary_));
}

std::string Machine::take(uint64_t bytes) {
  arena_.charge(std::min(bytes, in_.remaining()));
  return in_.take(bytes);
}

void Machine::push_global() {
  const std::string module = in_.line();
  push(Global{module + "." + in_.line()});
}

void Machine::push_stack_global() {
  const Node* name = stack_.pop();
  const Node* module = stack_.pop();
  const auto* name_text = name->as<std::string>();
  const auto* module_text = module->as<std::string>();
  if (!name_text || !module_text || name_text->size() + module_text->size() > kLongestGlobal) {
    throw Malformed("the pickle names a class by something else than two short texts");
  }
  push(Global{*module_text + "." + *name_text});
}

/// Items are only given to objects that are lists or dicts.
bool Machine::is_container_of_unknown_class() {
  return vocabulary_ == Vocabulary::weights && stack_.top().as<Object>();
}

void Machine::append(std::vector<Node*> items) {
  if (is_container_of_unknown_class()) stack_.top().payload = List{};
  auto* list = stack_.top().as<List>();
  if (!list) throw Malformed("the pickle appends to " + describe(stack_.top()) + ", expected a list");
  list->items.insert(list->items.end(), items.begin(), items.end());
}

void Machine::set_items(std::vector<Node*> keys_and_values) {
  if (is_container_of_unknown_class()) stack_.top().payload = Dict{};
  auto* dict = stack_.top().as<Dict>();
  if (!dict) throw Malformed("the pickle sets items of " + describe(stack_.top()) + ", expected a dict");
  if (keys_and_values.size() % 2 != 0) throw Malformed("the pickle sets a key without a value");
  for (size_t i = 0; i < keys_and_values.size(); i += 2) {
    dict->entries.emplace_back(keys_and_values[i], keys_and_values[i + 1]);
  }
}

void Machine::push_dict(std::vector<Node*> keys_and_values) {
  push(Dict{});
  set_items(std::move(keys_and_values));
}

void Machine::remember(uint64_t index) {
  arena_.charge(kMemoEntryBytes);
  memo_[index] = &stack_.top();
}

void Machine::recall(uint64_t index) {
  const auto found = memo_.find(index);
  if (found == memo_.end()) throw Malformed("the pickle recalls a value that it has not stored");
  stack_.push(found->second);
}

Node* read_pickle(io::ByteReader& in, Arena& arena, StorageSource* storages, Vocabulary vocabulary) {
  Node* root = Machine(in, arena, storages, vocabulary).run();
  finish_structure(arena, *root, vocabulary);
  return root;
}

}  // namespace iba::pickle
