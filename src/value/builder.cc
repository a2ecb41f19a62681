#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "value/packed.h"
#include "value/value.h"

namespace hull {

namespace {
constexpr size_t kKeptCapacity = size_t{256} << 10;
}  // namespace

// Children are written behind a header whose offset table is still missing; end() makes room for the table.
// The positions of all open containers share one stack.
struct ValueBuilder::Frame {
  bool object;
  size_t start;        // of the container in out_
  size_t first_entry;  // of its children in entries_
  size_t key = 0;      // position of the key that waits for its value
};

struct ValueBuilder::Spare {
  std::string out;
  std::vector<Frame> frames;
  std::vector<Entry> entries;
};

ValueBuilder::Spare& ValueBuilder::spare() {
  thread_local Spare instance;
  return instance;
}

// A builder inside the life of another one finds nothing to take and allocates.
ValueBuilder::ValueBuilder() {
  Spare& spare = ValueBuilder::spare();
  out_ = std::move(spare.out);
  frames_ = std::move(spare.frames);
  entries_ = std::move(spare.entries);
  out_.clear();
  frames_.clear();
  entries_.clear();
}

ValueBuilder::~ValueBuilder() {
  if (out_.capacity() > kKeptCapacity) return;
  Spare& spare = ValueBuilder::spare();
  spare.out = std::move(out_);
  spare.frames = std::move(frames_);
  spare.entries = std::move(entries_);
}

void ValueBuilder::element_started() {
  if (frames_.empty()) return;
  Frame& frame = frames_.back();
  entries_.push_back({frame.object ? frame.key : out_.size(), out_.size()});
}

ValueBuilder& ValueBuilder::tag(ValueType type) {
  element_started();
  out_.push_back(static_cast<char>(type));
  return *this;
}

ValueBuilder& ValueBuilder::null() { return tag(ValueType::kNull); }
ValueBuilder& ValueBuilder::undefined() { return tag(ValueType::kUndefined); }
ValueBuilder& ValueBuilder::commit_ts() { return tag(ValueType::kCommitTs); }
ValueBuilder& ValueBuilder::boolean(bool b) { return tag(b ? ValueType::kTrue : ValueType::kFalse); }

ValueBuilder& ValueBuilder::int64(int64_t i) {
  tag(ValueType::kInt64);
  out_.append(reinterpret_cast<const char*>(&i), sizeof i);
  return *this;
}

ValueBuilder& ValueBuilder::float64(double d) {
  tag(ValueType::kFloat64);
  out_.append(reinterpret_cast<const char*>(&d), sizeof d);
  return *this;
}

ValueBuilder& ValueBuilder::string(std::string_view s) {
  tag(ValueType::kString);
  packed::append_u32(out_, s.size());
  out_ += s;
  return *this;
}

ValueBuilder& ValueBuilder::bytes(std::string_view s) {
  tag(ValueType::kBytes);
  packed::append_u32(out_, s.size());
  out_ += s;
  return *this;
}

ValueBuilder& ValueBuilder::value(ValueView v) {
  element_started();
  out_ += v.packed();
  return *this;
}

ValueBuilder& ValueBuilder::begin(bool object) {
  element_started();
  frames_.push_back({object, out_.size(), entries_.size()});
  out_.append(packed::kContainerHeader, '\0');
  return *this;
}

ValueBuilder& ValueBuilder::begin_array() { return begin(false); }
ValueBuilder& ValueBuilder::begin_object() { return begin(true); }

ValueBuilder& ValueBuilder::key(std::string_view k) {
  if (frames_.empty() || !frames_.back().object || k.size() > packed::kMaxKey) std::abort();
  frames_.back().key = out_.size();
  uint16_t length = static_cast<uint16_t>(k.size());
  out_.append(reinterpret_cast<const char*>(&length), sizeof length);
  out_ += k;
  return *this;
}

// Entries from `first` on, as ascending distinct keys; the bytes are moved too, so that equal objects have
// equal bytes.
void ValueBuilder::sort_entries(size_t first) {
  size_t count = entries_.size() - first;
  auto key_of = [&](size_t i) { return packed::key_at(out_.data() + entries_[first + i].key); };
  bool ascending = true;
  for (size_t i = 1; i < count && ascending; ++i) ascending = key_of(i - 1) < key_of(i);
  if (ascending) return;

  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return key_of(a) < key_of(b); });
  size_t begin = entries_[first].key;
  std::string sorted;
  sorted.reserve(out_.size() - begin);
  std::vector<Entry> kept;
  for (size_t i = 0; i < count; ++i) {
    if (i + 1 < count && key_of(order[i]) == key_of(order[i + 1])) continue;  // the last of duplicates wins
    const Entry& entry = entries_[first + order[i]];
    size_t end = order[i] + 1 < count ? entries_[first + order[i] + 1].key : out_.size();
    kept.push_back({begin + sorted.size(), begin + sorted.size() + (entry.value - entry.key)});
    sorted.append(out_, entry.key, end - entry.key);
  }
  out_.resize(begin);
  out_ += sorted;
  entries_.resize(first);
  entries_.insert(entries_.end(), kept.begin(), kept.end());
}

ValueBuilder& ValueBuilder::end() {
  if (frames_.empty()) std::abort();
  Frame frame = frames_.back();
  frames_.pop_back();
  if (frame.object) sort_entries(frame.first_entry);
  size_t count = entries_.size() - frame.first_entry;
  size_t table = count * (frame.object ? 8 : 4);
  out_.insert(frame.start + packed::kContainerHeader, table, '\0');
  char* base = out_.data() + frame.start;
  base[0] = static_cast<char>(frame.object ? ValueType::kObject : ValueType::kArray);
  packed::store(base + 1, static_cast<uint32_t>(out_.size() - frame.start));
  packed::store(base + 5, static_cast<uint32_t>(count));
  char* slot = base + packed::kContainerHeader;
  for (size_t i = frame.first_entry; i < entries_.size(); ++i) {
    if (frame.object) {
      packed::store(slot, static_cast<uint32_t>(entries_[i].key - frame.start + table));
      slot += 4;
    }
    packed::store(slot, static_cast<uint32_t>(entries_[i].value - frame.start + table));
    slot += 4;
  }
  entries_.resize(frame.first_entry);
  return *this;
}

Value ValueBuilder::finish() {
  if (!frames_.empty() || out_.empty() || ValueView(out_.data()).packed_size() != out_.size()) std::abort();
  Value result = Value::adopt(out_.size() > kKeptCapacity ? std::move(out_) : std::string(out_));
  out_.clear();
  return result;
}

}  // namespace hull
