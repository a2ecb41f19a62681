#include "database/recent_writes.h"

#include <algorithm>
#include <utility>

#include "database/recent_generation.h"

namespace hull {
namespace {

// Approximate cost of a touch in its generation's map.
constexpr size_t kTouchBytes = 128;

size_t document_bytes(const DocumentPtr& document) {
  return document ? sizeof(Document) + document->value.packed().size() : 0;
}

}  // namespace

size_t LoggedCommit::memory_bytes() const {
  size_t bytes = sizeof(LoggedCommit) + source.size();
  DocumentPtr counted;  // the keys of one document follow each other
  for (const TouchedKey& key : keys) {
    bytes += sizeof(TouchedKey) + key.key.size() + kTouchBytes;
    if (key.after == counted && key.after) continue;
    counted = key.after;
    bytes += document_bytes(key.before) + document_bytes(key.after);
  }
  return bytes;
}

std::shared_ptr<const RecentWrites::Generations> RecentWrites::list() const {
  std::lock_guard lock(mutex_);
  return generations_;
}

void RecentWrites::append(LoggedCommitPtr commit) {
  const bool begin = !active_ || active_->full(commit->appended_at);
  if (begin) active_ = std::make_shared<Generation>();
  bytes_.fetch_add(active_->append(std::move(commit)), std::memory_order_relaxed);
  if (!begin) return;
  std::lock_guard lock(mutex_);
  auto next = std::make_shared<Generations>(*generations_);
  next->push_back(active_);
  generations_ = std::move(next);
}

void RecentWrites::rollback(Timestamp published) {
  const auto generations = list();
  for (const GenerationPtr& generation : *generations) {
    if (generation->newest() > published)
      bytes_.fetch_sub(generation->remove_after(published), std::memory_order_relaxed);
  }
  active_ = nullptr;
  // Without the emptied ones the newest timestamps ascend along the list again.
  std::lock_guard lock(mutex_);
  auto left = std::make_shared<Generations>();
  for (const GenerationPtr& generation : *generations_)
    if (generation->newest() != Timestamp{}) left->push_back(generation);
  generations_ = std::move(left);
}

RecentWrites::Capture RecentWrites::capture(Timestamp at, Timestamp applied) const {
  Capture result{at, std::min(at, applied), {}};
  const auto generations = list();
  for (const GenerationPtr& generation : *generations) {
    // The newest one may still grow.
    if (generation->newest() > result.needless) result.generations.push_back(generation);
  }
  return result;
}

void RecentWrites::extend(Capture& capture) const {
  auto now = list();
  // Whatever touched a key after the snapshot since the capture is in the generations with the newest
  // commits.
  std::vector<GenerationPtr> added;
  for (auto it = now->rbegin(); it != now->rend() && (*it)->newest() > capture.needless; ++it) {
    if (std::find(capture.generations.rbegin(), capture.generations.rend(), *it) !=
        capture.generations.rend())
      break;
    added.push_back(*it);
  }
  capture.generations.insert(capture.generations.end(), added.rbegin(), added.rend());
}

std::optional<DocumentPtr> RecentWrites::find(const Capture& capture, IndexId index, std::string_view key) {
  std::optional<DocumentPtr> row;
  for (const GenerationPtr& generation : capture.generations) {
    std::shared_lock lock(generation->mutex);
    const Generation::Rows* rows = generation->rows(index);
    auto it = rows ? rows->find(key) : Generation::Rows::const_iterator{};
    if (!rows || it == rows->end()) continue;
    bool decided = false;
    it->second.each([&](const Generation::Touch& touch) {
      decided = touch.ts > capture.at;
      row = decided ? touch.key->before : touch.key->after;
      return !decided;
    });
    if (decided) return row;
  }
  return row;
}

std::vector<RecentWrites::Row> RecentWrites::collect(const Capture& capture, IndexId index,
                                                     const Interval& interval, Order order, size_t max_live) {
  struct Cursor {
    Generation::Rows::const_iterator low, high;  // what is left
    bool ascending;
    bool done() const { return low == high; }
    Generation::Rows::const_iterator at() const { return ascending ? low : std::prev(high); }
    void advance() { ascending ? void(++low) : void(--high); }
  };
  std::vector<Row> result;
  if (interval.empty()) return result;
  std::vector<std::shared_lock<std::shared_mutex>> locks;
  std::vector<Cursor> cursors;  // oldest generation first
  const bool ascending = order == Order::kAsc;
  auto skip_needless = [&](Cursor& cursor) {
    while (!cursor.done() && cursor.at()->second.newest().ts <= capture.needless) cursor.advance();
  };
  for (const GenerationPtr& generation : capture.generations) {
    std::shared_lock lock(generation->mutex);
    const Generation::Rows* rows = generation->rows(index);
    if (rows == nullptr) continue;
    Cursor cursor{rows->lower_bound(interval.start),
                  interval.end ? rows->lower_bound(*interval.end) : rows->end(), ascending};
    skip_needless(cursor);
    if (cursor.done()) continue;
    cursors.push_back(cursor);
    locks.push_back(std::move(lock));
  }
  size_t live = 0;
  while (live < max_live) {
    std::optional<std::string_view> next;
    for (const Cursor& cursor : cursors) {
      if (cursor.done()) continue;
      std::string_view key = cursor.at()->first;
      if (!next || (ascending ? key < *next : key > *next)) next = key;
    }
    if (!next) break;
    Row& row = result.emplace_back(Row{std::string(*next), nullptr});
    bool decided = false;
    for (Cursor& cursor : cursors) {
      if (cursor.done() || cursor.at()->first != row.key) continue;
      if (!decided) {
        cursor.at()->second.each([&](const Generation::Touch& touch) {
          decided = touch.ts > capture.at;
          row.document = decided ? touch.key->before : touch.key->after;
          return !decided;
        });
      }
      cursor.advance();
      skip_needless(cursor);
    }
    if (row.document) ++live;
  }
  return result;
}

TableSummary RecentWrites::change_of(const Capture& capture, TabletId tablet, Timestamp until) {
  TableSummary sum;
  for (const GenerationPtr& generation : capture.generations) {
    std::shared_lock lock(generation->mutex);
    generation->add_changes(tablet, capture.at, until, sum);
  }
  return sum;
}

RecentWrites::Check RecentWrites::recent_hit(const ReadSet& reads, Timestamp after) const {
  auto generations = list();
  if (after < complete_after()) return {Coverage::kOutOfRetention, std::nullopt};
  for (auto it = generations->rbegin(); it != generations->rend() && (*it)->newest() > after; ++it) {
    std::shared_lock lock((*it)->mutex);
    if (auto touch = (*it)->recent_hit(reads, after))
      return {Coverage::kComplete, Hit{(*it)->owner(*touch), touch->key}};
  }
  return {};
}

RecentWrites::Check RecentWrites::oldest_hit(const ReadSet& reads, Timestamp after, Timestamp until) const {
  auto generations = list();
  if (after < complete_after()) return {Coverage::kOutOfRetention, std::nullopt};
  for (const GenerationPtr& generation : *generations) {
    if (generation->newest() <= after) continue;
    std::shared_lock lock(generation->mutex);
    if (auto touch = generation->oldest_hit(reads, after, until))
      return {Coverage::kComplete, Hit{generation->owner(*touch), touch->key}};
  }
  return {};
}

std::optional<RecentWrites::Hit> RecentWrites::recent_hit(IndexId index, std::string_view key,
                                                          Timestamp after) const {
  auto generations = list();
  for (auto it = generations->rbegin(); it != generations->rend() && (*it)->newest() > after; ++it) {
    std::shared_lock lock((*it)->mutex);
    const Generation::Rows* rows = (*it)->rows(index);
    if (rows == nullptr) continue;
    auto touches = rows->find(key);
    if (touches == rows->end()) continue;
    const Generation::Touch& newest = touches->second.newest();
    if (newest.ts > after) return Hit{(*it)->owner(newest), newest.key};
    return std::nullopt;
  }
  return std::nullopt;
}

void RecentWrites::trim(Timestamp applied, int64_t now, const Limits& limits,
                        const std::function<bool(Timestamp)>& release) {
  while (true) {
    auto current = list();
    // The last one may still grow.
    if (current->size() < 2) return;
    const Generation& oldest = *current->front();
    const size_t held = memory_bytes();
    const int64_t age = now - (*current)[1]->began_at();
    const bool due = held > limits.max_bytes || age >= limits.max_age_ns ||
                     (age >= limits.min_age_ns && held > limits.max_bytes / 2);
    if (!due || oldest.newest() > applied || !release(oldest.newest())) return;

    const Timestamp forgotten = oldest.newest();
    std::lock_guard lock(mutex_);
    if (generations_->front() != current->front()) continue;  // a rollback came in between
    complete_after_.store(std::max(complete_after(), forgotten).ns, std::memory_order_release);
    bytes_.fetch_sub(oldest.bytes(), std::memory_order_relaxed);
    generations_ = std::make_shared<const Generations>(generations_->begin() + 1, generations_->end());
  }
}

size_t RecentWrites::generation_count() const { return list()->size(); }

}  // namespace hull
