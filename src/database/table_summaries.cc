#include "database/table_summaries.h"

#include <algorithm>
#include <cstring>

#include "database/engine.h"

namespace hull {
namespace {

constexpr char kVersion = 1;
constexpr size_t kHeader = 5, kEntry = 20;
constexpr uint32_t kMaxTablet = 1u << 26;  // more is a damaged checkpoint, not a database

template <typename T>
void append(std::string& out, T number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

template <typename T>
T load(std::string_view bytes, size_t at) {
  T out;
  std::memcpy(&out, bytes.data() + at, sizeof out);
  return out;
}

}  // namespace

std::vector<SummaryDelta> summary_deltas(std::span<const PendingWrite> writes) {
  std::vector<SummaryDelta> deltas;
  for (const PendingWrite& write : writes) {
    auto at = std::lower_bound(deltas.begin(), deltas.end(), write.tablet,
                               [](const SummaryDelta& d, TabletId tablet) { return d.tablet < tablet; });
    if (at == deltas.end() || at->tablet != write.tablet) at = deltas.insert(at, {write.tablet, {}});
    if (write.before) {
      at->change.documents -= 1;
      at->change.bytes -= static_cast<int64_t>(convex_size(write.before->value));
    }
    if (write.after) {
      at->change.documents += 1;
      at->change.bytes += static_cast<int64_t>(convex_size(write.after->value));
    }
  }
  std::erase_if(deltas, [](const SummaryDelta& delta) { return delta.change == TableSummary{}; });
  return deltas;
}

TableSummary TableSummaries::of(TabletId tablet) const {
  size_t chunk = tablet.n / kChunk;
  if (!chunks_ || chunk >= chunks_->size() || !(*chunks_)[chunk]) return {};
  return (*chunks_)[chunk]->entries[tablet.n % kChunk];
}

TableSummaries TableSummaries::with(std::span<const SummaryDelta> deltas) const {
  if (deltas.empty()) return *this;
  auto chunks = chunks_ ? std::make_shared<Chunks>(*chunks_) : std::make_shared<Chunks>();
  for (size_t i = 0; i < deltas.size();) {
    size_t chunk = deltas[i].tablet.n / kChunk;
    if (chunk >= chunks->size()) chunks->resize(chunk + 1);
    std::shared_ptr<const Chunk>& slot = (*chunks)[chunk];
    auto changed = slot ? std::make_shared<Chunk>(*slot) : std::make_shared<Chunk>();
    for (; i < deltas.size() && deltas[i].tablet.n / kChunk == chunk; ++i) {
      TableSummary& entry = changed->entries[deltas[i].tablet.n % kChunk];
      entry.documents += deltas[i].change.documents;
      entry.bytes += deltas[i].change.bytes;
    }
    slot = std::move(changed);
  }
  TableSummaries result;
  result.chunks_ = std::move(chunks);
  return result;
}

TableSummaries TableSummaries::without(TabletId tablet) const {
  TableSummary gone = of(tablet);
  if (gone == TableSummary{}) return *this;
  SummaryDelta delta{tablet, {-gone.documents, -gone.bytes}};
  return with({&delta, 1});
}

std::string TableSummaries::serialize() const {
  std::string entries;
  uint32_t count = 0;
  for (size_t chunk = 0; chunks_ && chunk < chunks_->size(); ++chunk) {
    if (!(*chunks_)[chunk]) continue;
    for (size_t i = 0; i < kChunk; ++i) {
      const TableSummary& entry = (*chunks_)[chunk]->entries[i];
      if (entry == TableSummary{}) continue;
      append(entries, static_cast<uint32_t>(chunk * kChunk + i));
      append(entries, entry.documents);
      append(entries, entry.bytes);
      ++count;
    }
  }
  std::string out(1, kVersion);
  append(out, count);
  return out + entries;
}

std::optional<TableSummaries> TableSummaries::parse(std::string_view bytes) {
  if (bytes.size() < kHeader || bytes[0] != kVersion) return std::nullopt;
  size_t count = load<uint32_t>(bytes, 1);
  if (bytes.size() != kHeader + count * kEntry) return std::nullopt;
  std::vector<SummaryDelta> entries;
  entries.reserve(count);
  for (size_t at = kHeader; at < bytes.size(); at += kEntry) {
    SummaryDelta entry{TabletId{load<uint32_t>(bytes, at)},
                       {load<int64_t>(bytes, at + 4), load<int64_t>(bytes, at + 12)}};
    if (!entries.empty() && !(entries.back().tablet < entry.tablet)) return std::nullopt;
    if (entry.tablet.n > kMaxTablet || entry.change.documents < 0 || entry.change.bytes < 0)
      return std::nullopt;
    entries.push_back(entry);
  }
  return TableSummaries().with(entries);
}

}  // namespace hull
