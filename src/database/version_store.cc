#include "database/version_store.h"

#include <algorithm>
#include <mutex>
#include <utility>

namespace hull {
namespace {

constexpr size_t kChainBytes = 128;
constexpr size_t kRevisionBytes = 64;
// Up to this many revisions after the snapshot are picked out one by one instead of walking the interval's
// chains.
constexpr size_t kFewTouches = 512;

size_t document_bytes(const DocumentPtr& document) {
  return document ? sizeof(Document) + document->value.packed().size() : 0;
}

}  // namespace

const DocumentPtr& VersionStore::Chain::at(Timestamp ts) const {
  for (auto it = revisions.rbegin(); it != revisions.rend(); ++it) {
    if (it->ts <= ts) return it->document;
  }
  return base;
}

std::shared_ptr<VersionStore::IndexVersions> VersionStore::versions_of(IndexId index) const {
  std::shared_lock lock(mutex_);
  auto it = indexes_.find(index.n);
  return it == indexes_.end() ? nullptr : it->second;
}

void VersionStore::add(IndexId index, const std::string& key, Timestamp ts, DocumentPtr before,
                       DocumentPtr after) {
  std::shared_ptr<IndexVersions> versions = versions_of(index);
  if (!versions) {
    std::unique_lock lock(mutex_);
    versions = indexes_.try_emplace(index.n, std::make_shared<IndexVersions>()).first->second;
  }
  size_t bytes = kRevisionBytes + document_bytes(after);
  {
    std::unique_lock lock(versions->mutex);
    auto [it, added] = versions->chains.try_emplace(key);
    if (added) {
      bytes += kChainBytes + key.size() + document_bytes(before);
      it->second.base = std::move(before);
    }
    it->second.revisions.push_back({ts, std::move(after)});
    versions->touches.push_back({ts, &it->first});
  }
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
}

std::optional<DocumentPtr> VersionStore::find(IndexId index, std::string_view key, Timestamp at) const {
  std::shared_ptr<IndexVersions> versions = versions_of(index);
  if (!versions) return std::nullopt;
  std::shared_lock lock(versions->mutex);
  auto it = versions->chains.find(key);
  if (it == versions->chains.end()) return std::nullopt;
  return it->second.at(at);
}

std::vector<VersionStore::Row> VersionStore::collect(IndexId index, const Interval& interval, Order order,
                                                     Timestamp at, size_t max_live) const {
  std::vector<Row> rows;
  std::shared_ptr<IndexVersions> versions = versions_of(index);
  if (!versions) return rows;
  std::shared_lock lock(versions->mutex);
  const auto& chains = versions->chains;
  auto first =
      std::upper_bound(versions->touches.begin(), versions->touches.end(), at,
                       [](Timestamp ts, const IndexVersions::Touch& touch) { return ts < touch.ts; });
  if (static_cast<size_t>(versions->touches.end() - first) <= kFewTouches) {
    std::vector<const std::string*> keys;
    for (auto it = first; it != versions->touches.end(); ++it) {
      if (interval.contains(*it->key)) keys.push_back(it->key);
    }
    // Touches of one key share the chain's string.
    std::sort(keys.begin(), keys.end(), [](const std::string* a, const std::string* b) { return *a < *b; });
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    if (order == Order::kDesc) std::reverse(keys.begin(), keys.end());
    for (const std::string* key : keys) rows.push_back({*key, chains.find(*key)->second.at(at)});
    return rows;
  }
  auto low = chains.lower_bound(interval.start);
  auto high = interval.end ? chains.lower_bound(*interval.end) : chains.end();
  size_t live = 0;
  while (low != high && live < max_live) {
    auto it = order == Order::kAsc ? low++ : --high;
    if (it->second.revisions.back().ts <= at) continue;
    const DocumentPtr& document = it->second.at(at);
    if (document) ++live;
    rows.push_back({it->first, document});
  }
  return rows;
}

void VersionStore::trim(IndexId index, std::string_view key, Timestamp horizon) {
  std::shared_ptr<IndexVersions> versions = versions_of(index);
  if (!versions) return;
  size_t freed = 0;
  std::vector<DocumentPtr> dead;  // destroyed outside the lock
  {
    std::unique_lock lock(versions->mutex);
    while (!versions->touches.empty() && versions->touches.front().ts <= horizon)
      versions->touches.pop_front();
    auto it = versions->chains.find(key);
    if (it == versions->chains.end()) return;
    Chain& chain = it->second;
    size_t old = 0;
    while (old < chain.revisions.size() && chain.revisions[old].ts <= horizon) ++old;
    if (old == 0) return;
    // Documents are counted where they came in: the base when the chain began, each revision when it was
    // added.
    freed = document_bytes(chain.base) + old * kRevisionBytes;
    dead.push_back(std::move(chain.base));
    for (size_t i = 0; i + 1 < old; ++i) {
      freed += document_bytes(chain.revisions[i].document);
      dead.push_back(std::move(chain.revisions[i].document));
    }
    chain.base = std::move(chain.revisions[old - 1].document);
    chain.revisions.erase(chain.revisions.begin(), chain.revisions.begin() + static_cast<ptrdiff_t>(old));
    if (chain.revisions.empty()) {
      freed += kChainBytes + key.size() + document_bytes(chain.base);
      dead.push_back(std::move(chain.base));
      versions->chains.erase(it);
    }
  }
  bytes_.fetch_sub(freed, std::memory_order_relaxed);
}

size_t VersionStore::chain_count() const {
  size_t count = 0;
  std::shared_lock lock(mutex_);
  for (const auto& [index, versions] : indexes_) {
    std::shared_lock inner(versions->mutex);
    count += versions->chains.size();
  }
  return count;
}

}  // namespace hull
