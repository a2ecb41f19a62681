#include "value/value.h"

#include <cstring>

#include "value/packed.h"

namespace hull {

std::optional<ValueView> ValueView::find(std::string_view key) const {
  if (!is_object()) return std::nullopt;
  size_t low = 0, high = count();
  while (low < high) {
    size_t middle = (low + high) / 2;
    auto [name, value] = field(middle);
    int order = name.compare(key);
    if (order == 0) return value;
    if (order < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return std::nullopt;
}

std::optional<ValueView> ValueView::find_path(const std::vector<std::string>& path) const {
  std::optional<ValueView> at = *this;
  for (const std::string& step : path) {
    at = at->find(step);
    if (!at) return std::nullopt;
  }
  return at;
}

size_t ValueView::packed_size() const {
  switch (type()) {
    case ValueType::kInt64:
    case ValueType::kFloat64:
      return 9;
    case ValueType::kString:
    case ValueType::kBytes:
      return 5 + size_t{packed::load<uint32_t>(data_ + 1)};
    case ValueType::kArray:
    case ValueType::kObject:
      return packed::load<uint32_t>(data_ + 1);
    default:
      return 1;
  }
}

namespace {

const std::shared_ptr<const std::string>& null_buffer() {
  static const auto buffer = std::make_shared<const std::string>(1, '\0');
  return buffer;
}

std::string scalar(ValueType type, const void* payload, size_t size) {
  std::string out(1 + size, static_cast<char>(type));
  std::memcpy(out.data() + 1, payload, size);
  return out;
}

std::string text(ValueType type, std::string_view s) {
  std::string out;
  out.reserve(5 + s.size());
  out.push_back(static_cast<char>(type));
  packed::append_u32(out, s.size());
  out += s;
  return out;
}

}  // namespace

Value::Value() : Value(null_buffer()) {}

Value::Value(std::shared_ptr<const std::string> b) : buffer_(std::move(b)), view_(buffer_->data()) {}

Value Value::adopt(std::string packed) {
  return Value(std::make_shared<const std::string>(std::move(packed)));
}

Value Value::copy_of(ValueView view) { return adopt(std::string(view.packed())); }

Value Value::boolean(bool b) {
  return adopt(std::string(1, static_cast<char>(b ? ValueType::kTrue : ValueType::kFalse)));
}

Value Value::int64(int64_t i) { return adopt(scalar(ValueType::kInt64, &i, sizeof i)); }

Value Value::float64(double d) { return adopt(scalar(ValueType::kFloat64, &d, sizeof d)); }

Value Value::string(std::string_view s) { return adopt(text(ValueType::kString, s)); }

Value Value::bytes(std::string_view s) { return adopt(text(ValueType::kBytes, s)); }

const ValueView* Value::operator->() const { return &view_; }

Value pack_object(std::span<const FieldView> fields) {
  size_t size = packed::kContainerHeader + 8 * fields.size();
  for (const auto& [name, value] : fields) size += 2 + name.size() + value.packed_size();
  std::string out;
  out.reserve(size);
  out.push_back(static_cast<char>(ValueType::kObject));
  packed::append_u32(out, size);
  packed::append_u32(out, fields.size());
  size_t at = packed::kContainerHeader + 8 * fields.size();
  for (const auto& [name, value] : fields) {
    packed::append_u32(out, at);
    packed::append_u32(out, at + 2 + name.size());
    at += 2 + name.size() + value.packed_size();
  }
  for (const auto& [name, value] : fields) {
    auto length = static_cast<uint16_t>(name.size());
    out.append(reinterpret_cast<const char*>(&length), sizeof length);
    out += name;
    out += value.packed();
  }
  return Value::adopt(std::move(out));
}

}  // namespace hull
