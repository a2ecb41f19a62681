// Convex values in one packed, immutable representation (values-and-schema.md §1; DESIGN: no value trees on
// hot paths).
//
// A value is a tag byte and a payload, little-endian, offsets relative to the value's first byte:
//   null      = 00
//   int64     = 01 i64
//   float64   = 02 f64
//   false     = 03        true = 04
//   string    = 05 u32 length, UTF-8 bytes
//   bytes     = 06 u32 length, bytes
//   array     = 07 u32 total_size, u32 count, count * u32 element_offset, elements...
//   object    = 08 u32 total_size, u32 count, count * (u32 key_offset, u32 value_offset), then keys (u16
//   length, bytes) and
//               values; entries in ascending byte order of their keys
//   undefined = 09        only inside patch values and index expressions (§1.4), never stored
//   commit_ts = 0A        the `$commitTs` token (§1.6), resolved to int64 at commit, never stored
//
// ValueView borrows; Value owns (shared, immutable, cheap to copy). Both are safe to read from any thread.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hull {

enum class ValueType : uint8_t {
  kNull = 0,
  kInt64 = 1,
  kFloat64 = 2,
  kFalse = 3,
  kTrue = 4,
  kString = 5,
  kBytes = 6,
  kArray = 7,
  kObject = 8,
  kUndefined = 9,
  kCommitTs = 10,
};

class ValueView {
 public:
  ValueView() : data_("\x00") {}  // null
  explicit ValueView(const char* data) : data_(data) {}

  ValueType type() const { return static_cast<ValueType>(data_[0]); }
  bool is_null() const { return type() == ValueType::kNull; }
  bool is_bool() const { return type() == ValueType::kFalse || type() == ValueType::kTrue; }
  bool is_int64() const { return type() == ValueType::kInt64; }
  bool is_float64() const { return type() == ValueType::kFloat64; }
  bool is_string() const { return type() == ValueType::kString; }
  bool is_bytes() const { return type() == ValueType::kBytes; }
  bool is_array() const { return type() == ValueType::kArray; }
  bool is_object() const { return type() == ValueType::kObject; }
  bool is_undefined() const { return type() == ValueType::kUndefined; }

  // Accessors require the matching type.
  bool as_bool() const { return type() == ValueType::kTrue; }
  int64_t as_int64() const { return load<int64_t>(1); }
  double as_float64() const { return load<double>(1); }
  std::string_view as_string() const { return {data_ + 5, load<uint32_t>(1)}; }  // also for kBytes
  size_t count() const { return load<uint32_t>(5); }  // elements of an array, fields of an object
  ValueView element(size_t i) const { return ValueView(data_ + load<uint32_t>(kTable + 4 * i)); }
  std::pair<std::string_view, ValueView> field(size_t i) const {  // ascending by key
    size_t key = load<uint32_t>(kTable + 8 * i);
    return {{data_ + key + 2, load<uint16_t>(key)}, ValueView(data_ + load<uint32_t>(kTable + 8 * i + 4))};
  }
  std::optional<ValueView> find(
      std::string_view key) const;  // binary search; nullopt if absent or not an object
  // Dotted path through objects; nullopt = missing.
  std::optional<ValueView> find_path(const std::vector<std::string>& path) const;

  size_t packed_size() const;  // bytes of this packed value
  std::string_view packed() const { return {data_, packed_size()}; }
  const char* data() const { return data_; }

 private:
  static constexpr size_t kTable = 9;  // of offsets, behind tag, size and count
  template <typename T>
  T load(size_t at) const {
    T out;
    std::memcpy(&out, data_ + at, sizeof out);
    return out;
  }
  const char* data_;
};

class Value {
 public:
  Value();                                 // null
  static Value adopt(std::string packed);  // trusted bytes (from the builder or the store)
  // Verifies structure before adopting: for bytes that may be corrupt (disk, peer).
  static std::optional<Value> verify_and_adopt(std::string packed);
  static Value copy_of(ValueView view);

  static Value boolean(bool b);
  static Value int64(int64_t i);
  static Value float64(double d);
  static Value string(std::string_view s);
  static Value bytes(std::string_view s);

  ValueView view() const { return view_; }
  operator ValueView() const { return view(); }  // NOLINT: a Value is a view that owns
  const ValueView* operator->() const;           // forwards to the view
  std::string_view packed() const { return *buffer_; }

 private:
  explicit Value(std::shared_ptr<const std::string> b);
  std::shared_ptr<const std::string> buffer_;
  ValueView view_;
};

// Builds a packed value depth first. Usage: begin_object(); key("a"); value(v); key("b"); int64(3); end();
// Keys may come in any order; end() sorts them and keeps the last of duplicates. The buffers serve one
// builder of a thread after another; finished values are exactly as large as they need to be.
class ValueBuilder {
 public:
  ValueBuilder();
  ~ValueBuilder();
  ValueBuilder(const ValueBuilder&) = delete;
  ValueBuilder& operator=(const ValueBuilder&) = delete;

  ValueBuilder& null();
  ValueBuilder& boolean(bool b);
  ValueBuilder& int64(int64_t i);
  ValueBuilder& float64(double d);
  ValueBuilder& string(std::string_view s);
  ValueBuilder& bytes(std::string_view s);
  ValueBuilder& undefined();
  ValueBuilder& commit_ts();
  ValueBuilder& value(ValueView v);  // splices
  ValueBuilder& begin_array();
  ValueBuilder& begin_object();
  ValueBuilder& key(std::string_view k);
  ValueBuilder& end();
  Value finish();  // exactly one complete value must have been built

 private:
  struct Frame;
  struct Entry {
    size_t key, value;  // positions in out_
  };
  struct Spare;  // buffers between two builders
  static Spare& spare();
  void element_started();
  ValueBuilder& tag(ValueType type);
  ValueBuilder& begin(bool object);
  void sort_entries(size_t first);

  std::string out_;
  std::vector<Frame> frames_;
  std::vector<Entry> entries_;
};

// The object of these fields, whose names ascend and are distinct. Cheaper than the builder where the values
// exist already.
using FieldView = std::pair<std::string_view, ValueView>;
Value pack_object(std::span<const FieldView> fields);

// §3: the total order. undefined sorts first; returns <0, 0, >0.
int compare(ValueView a, ValueView b);
inline bool equal(ValueView a, ValueView b) { return compare(a, b) == 0; }

// §4: the size that limits and accounting use (not the packed size).
size_t convex_size(ValueView v);
// §1.5: scalars 0, containers 1 + max(children).
size_t nesting(ValueView v);
// §2.3: text used inside messages.
std::string display(ValueView v);
std::string_view type_name(ValueView v);  // "Null", "Int64", ... as in database.md §7.3
bool contains_commit_ts(ValueView v);
// Replaces every commit_ts token by Int64(ts).
Value resolve_commit_ts(ValueView v, int64_t ts);
// "1.05 MiB", "16 MiB", "512 B": binary units, at most two decimals (§1.5).
std::string display_bytes(size_t n);

}  // namespace hull
