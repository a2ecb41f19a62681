#include <simdjson.h>

#include "value/packed.h"
#include "value/value.h"

namespace hull {
namespace {

// Accepts exactly the layout that the builder writes: children follow one another without gaps, keys ascend.
class Verifier {
 public:
  explicit Verifier(std::string_view bytes) : bytes_(bytes) {}

  bool verify_all() {
    std::optional<size_t> size = verify(0, 0);
    return size && *size == bytes_.size();
  }

 private:
  bool has(size_t at, size_t size) const { return at <= bytes_.size() && size <= bytes_.size() - at; }
  uint32_t u32(size_t at) const { return packed::load<uint32_t>(bytes_.data() + at); }

  // The size of the value at `at`; nullopt if it is malformed.
  std::optional<size_t> verify(size_t at, size_t depth) {
    if (!has(at, 1)) return std::nullopt;
    switch (static_cast<ValueType>(bytes_[at])) {
      case ValueType::kNull:
      case ValueType::kFalse:
      case ValueType::kTrue:
      case ValueType::kUndefined:
      case ValueType::kCommitTs:
        return 1;
      case ValueType::kInt64:
      case ValueType::kFloat64:
        return has(at, 9) ? std::optional<size_t>(9) : std::nullopt;
      case ValueType::kString:
      case ValueType::kBytes: {
        if (!has(at, 5) || !has(at + 5, u32(at + 1))) return std::nullopt;
        std::string_view text = bytes_.substr(at + 5, u32(at + 1));
        bool is_string = static_cast<ValueType>(bytes_[at]) == ValueType::kString;
        if (is_string && !simdjson::validate_utf8(text.data(), text.size())) return std::nullopt;
        return 5 + text.size();
      }
      case ValueType::kArray:
        return verify_container(at, depth, false);
      case ValueType::kObject:
        return verify_container(at, depth, true);
    }
    return std::nullopt;
  }

  std::optional<size_t> verify_container(size_t at, size_t depth, bool object) {
    if (depth >= packed::kMaxDepth || !has(at, packed::kContainerHeader)) return std::nullopt;
    size_t total = u32(at + 1), count = u32(at + 5);
    size_t table = at + packed::kContainerHeader, slot = object ? 8 : 4;
    if (!has(at, total) || !has(table, count * slot)) return std::nullopt;
    size_t next = table + count * slot;
    std::string_view previous;
    for (size_t i = 0; i < count; ++i) {
      size_t entry = table + i * slot;
      if (object) {
        if (at + u32(entry) != next || !has(next, 2)) return std::nullopt;
        size_t length = packed::load<uint16_t>(bytes_.data() + next);
        if (!has(next + 2, length)) return std::nullopt;
        std::string_view key = bytes_.substr(next + 2, length);
        if (i > 0 && !(previous < key)) return std::nullopt;
        previous = key;
        next += 2 + length;
        entry += 4;
      }
      if (at + u32(entry) != next) return std::nullopt;
      std::optional<size_t> size = verify(next, depth + 1);
      if (!size) return std::nullopt;
      next += *size;
    }
    if (next != at + total) return std::nullopt;
    return total;
  }

  std::string_view bytes_;
};

}  // namespace

std::optional<Value> Value::verify_and_adopt(std::string packed) {
  if (!Verifier(packed).verify_all()) return std::nullopt;
  return adopt(std::move(packed));
}

}  // namespace hull
