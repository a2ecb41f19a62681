#include "database/table_summaries.h"

#include <algorithm>

#include "database/engine.h"

namespace hull {

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

}  // namespace hull
