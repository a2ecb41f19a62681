#include "functions/query_cache.h"

#include <algorithm>
#include <list>
#include <map>
#include <mutex>
#include <set>

#include "base/digest.h"
#include "value/json.h"

namespace hull {

namespace {

// User time, system time and one second: after that a clock reading is too old for new requests (runtime.md
// §11).
constexpr double kObservedTimeMaxMs = 17000;
constexpr size_t kMaxIdentityBound = 10000;
// Of entries that a commit has touched: they serve sessions that agreed on a timestamp before it.
constexpr size_t kMaxPast = 1024;
constexpr size_t kMaxPastBytes = 8u << 20;

constexpr size_t kFewWatchers = 32;
constexpr size_t kFewLines = 1024;

struct Watcher {
  std::function<void()> on_invalid;
};

}  // namespace

class QueryCache::Entry : public CachedQuery {
 public:
  // What the entries of one key have in common: the newest of them.
  struct Line {
    std::mutex mutex;
    std::weak_ptr<Entry> newest;
  };

  Entry(QueryRun run, std::string identity)
      : identity(std::move(identity)), observed_time(run.observed_time), ran_ms(unix_millis()) {
    ts_ = run.ts;
    ok_ = run.value.has_value();
    value_ = std::move(run.value);
    if (ok_) value_text_ = std::make_shared<const SharedText>(to_json(*value_));
    error_ = std::move(run.error);
    log_lines_ = std::move(run.log_lines);
    log_lines_json_ = "[";
    for (const LogLine& line : log_lines_) {
      if (log_lines_json_.size() > 1) log_lines_json_ += ',';
      append_json_string(line.pretty(), log_lines_json_);
    }
    log_lines_json_ += ']';
    journal_ = std::move(run.journal);
    request_id_ = std::move(run.request_id);
    std::string content = ok_ ? "v" : "e";
    content += ok_ ? value_json() : error_.message + '\0' + error_.data_json.value_or("");
    content += '\0';
    content += log_lines_json_;
    content_hash_ = sha256(content);
    // The value, its JSON, and half of that for the compressed form.
    const size_t value_bytes = ok_ ? value_json().size() * 5 / 2 : 0;
    bytes = sizeof(Entry) + value_bytes + log_lines_json_.size() * 2 + error_.message.size() +
            run.reads->memory_bytes();
  }

  void set_subscription(std::shared_ptr<Subscription> subscription) {
    subscription_ = std::move(subscription);
  }

  std::shared_ptr<void> watch(std::function<void()> on_invalid) override {
    auto watcher = std::make_shared<Watcher>(Watcher{std::move(on_invalid)});
    {
      std::lock_guard lock(mutex_);
      if (!fired_) {
        if (watchers_.size() >= look_again_at_) {
          std::erase_if(watchers_, [](const std::weak_ptr<Watcher>& other) { return other.expired(); });
          look_again_at_ = std::max(kFewWatchers, 2 * watchers_.size());
        }
        watchers_.push_back(watcher);
        return watcher;
      }
    }
    watcher->on_invalid();
    return watcher;
  }

  std::shared_ptr<CachedQuery> successor(Timestamp t) const override {
    if (!line) return nullptr;
    std::shared_ptr<Entry> newest;
    {
      std::lock_guard lock(line->mutex);
      newest = line->newest.lock();
    }
    if (!newest || newest.get() == this || !newest->fresh() || !newest->valid_at(t)) return nullptr;
    return newest;
  }

  // False: read the clock, too long ago for new requests.
  bool fresh() const { return !observed_time || unix_millis() - ran_ms <= kObservedTimeMaxMs; }

  void fire() {
    std::vector<std::weak_ptr<Watcher>> watchers;
    {
      std::lock_guard lock(mutex_);
      if (std::exchange(fired_, true)) return;
      watchers.swap(watchers_);
    }
    for (auto& weak : watchers) {
      if (auto watcher = weak.lock()) watcher->on_invalid();
    }
  }

  const std::string identity;  // "" if the run did not look at it
  const bool observed_time;
  const double ran_ms;
  size_t bytes = 0;
  std::shared_ptr<Line> line;  // set before the entry is in the cache

  // Under State::mutex.
  std::vector<QueryKey> keys;
  std::list<std::shared_ptr<Entry>>::iterator position;
  bool stored = false;

 private:
  std::mutex mutex_;
  bool fired_ = false;
  std::vector<std::weak_ptr<Watcher>> watchers_;  // some may be gone
  size_t look_again_at_ = kFewWatchers;           // for those that are gone
};

struct QueryCache::State {
  using EntryPtr = std::shared_ptr<Entry>;
  const size_t max_bytes;
  mutable std::mutex mutex;
  std::map<QueryKey, EntryPtr> entries;
  std::list<EntryPtr> recency;  // most recently used first
  size_t bytes = 0;
  std::list<EntryPtr> past;  // touched by a commit, oldest first
  std::map<QueryKey, EntryPtr> past_by_key;
  size_t past_bytes = 0;
  std::map<QueryKey, std::vector<Landed>> flights;
  std::set<std::string> identity_bound;  // paths whose runs looked at the identity lately
  std::map<QueryKey, std::weak_ptr<Entry::Line>> lines;
  size_t sweep_lines_at = kFewLines;  // for those that are gone

  explicit State(size_t max_bytes) : max_bytes(max_bytes) {}

  // Makes `entry` the newest of its key.
  void line_up_locked(const QueryKey& key, const EntryPtr& entry) {
    if (lines.size() >= sweep_lines_at) {
      std::erase_if(lines, [](const auto& item) { return item.second.expired(); });
      sweep_lines_at = std::max(kFewLines, 2 * lines.size());
    }
    std::weak_ptr<Entry::Line>& known = lines[key];
    entry->line = known.lock();
    if (!entry->line) known = entry->line = std::make_shared<Entry::Line>();
    std::lock_guard lock(entry->line->mutex);
    entry->line->newest = entry;
  }

  // In both: the caller destroys what is `gone` after releasing the mutex, because an entry's end unregisters
  // a subscription.
  void remove_locked(const EntryPtr& entry, std::vector<EntryPtr>& gone) {
    if (!entry->stored) return;
    EntryPtr kept = entry;
    kept->stored = false;
    for (const QueryKey& key : kept->keys) {
      auto it = entries.find(key);
      if (it != entries.end() && it->second == kept) entries.erase(it);
    }
    recency.erase(kept->position);
    bytes -= kept->bytes;
    if (kept->invalidated()) {
      keep_past_locked(std::move(kept), gone);
    } else {
      gone.push_back(std::move(kept));
    }
  }

  void keep_past_locked(EntryPtr entry, std::vector<EntryPtr>& gone) {
    for (const QueryKey& key : entry->keys) past_by_key[key] = entry;
    past_bytes += entry->bytes;
    past.push_back(std::move(entry));
    while (past.size() > kMaxPast || past_bytes > kMaxPastBytes) {
      EntryPtr oldest = std::move(past.front());
      past.pop_front();
      for (const QueryKey& key : oldest->keys) {
        auto it = past_by_key.find(key);
        if (it != past_by_key.end() && it->second == oldest) past_by_key.erase(it);
      }
      past_bytes -= oldest->bytes;
      gone.push_back(std::move(oldest));
    }
  }
};

QueryCache::QueryCache(Engine* engine, size_t max_bytes)
    : engine_(engine), state_(std::make_shared<State>(max_bytes)) {}

QueryCache::~QueryCache() {
  std::map<QueryKey, State::EntryPtr> entries;
  std::list<State::EntryPtr> recency;
  std::map<QueryKey, State::EntryPtr> past_by_key;
  std::list<State::EntryPtr> past;
  std::lock_guard lock(state_->mutex);
  for (auto& entry : state_->recency) entry->stored = false;
  entries.swap(state_->entries);
  recency.swap(state_->recency);
  past_by_key.swap(state_->past_by_key);
  past.swap(state_->past);
}

CachedQueryPtr QueryCache::find(const QueryKey& key, Timestamp at, bool accept_errors) {
  std::vector<State::EntryPtr> gone;
  std::lock_guard lock(state_->mutex);
  auto usable = [&](const Entry& entry) {
    return entry.valid_at(at) && (entry.ok() || accept_errors) && entry.fresh();
  };
  QueryKey without_identity = key;
  without_identity.identity.clear();
  for (const QueryKey* candidate : {&key, static_cast<const QueryKey*>(&without_identity)}) {
    auto it = state_->entries.find(*candidate);
    if (it != state_->entries.end()) {
      State::EntryPtr entry = it->second;
      if (entry->invalidated()) {
        state_->remove_locked(entry, gone);
      } else if (usable(*entry)) {
        state_->recency.splice(state_->recency.begin(), state_->recency, entry->position);
        return entry;
      }
    }
    auto past = state_->past_by_key.find(*candidate);
    if (past != state_->past_by_key.end() && usable(*past->second)) return past->second;
  }
  return nullptr;
}

QueryKey QueryCache::flight_key(const QueryKey& key) {
  std::lock_guard lock(state_->mutex);
  QueryKey flight = key;
  if (!state_->identity_bound.contains(key.path)) flight.identity.clear();
  return flight;
}

bool QueryCache::take_off(const QueryKey& flight, Landed landed) {
  std::lock_guard lock(state_->mutex);
  auto [it, first] = state_->flights.try_emplace(flight);
  if (!first) it->second.push_back(std::move(landed));
  return first;
}

void QueryCache::land(const QueryKey& flight, const QueryOutcome& outcome, bool observed_identity,
                      const std::string& identity) {
  std::vector<Landed> waiting;
  {
    std::lock_guard lock(state_->mutex);
    if (outcome.query) {
      if (!observed_identity) {
        state_->identity_bound.erase(flight.path);
      } else if (state_->identity_bound.size() < kMaxIdentityBound) {
        state_->identity_bound.insert(flight.path);
      }
    }
    auto it = state_->flights.find(flight);
    if (it != state_->flights.end()) {
      waiting = std::move(it->second);
      state_->flights.erase(it);
    }
  }
  for (Landed& landed : waiting) landed(outcome, observed_identity, identity);
}

CachedQueryPtr QueryCache::insert(const QueryKey& key, QueryRun run) {
  bool observed_identity = run.observed_identity;
  Timestamp ts = run.ts;
  auto reads = run.reads;
  std::optional<std::string> journal = run.journal;
  auto entry = std::make_shared<Entry>(std::move(run), observed_identity ? key.identity : std::string());
  entry->set_subscription(engine_->subscribe(
      reads, ts, [weak_entry = std::weak_ptr<Entry>(entry), weak_state = std::weak_ptr<State>(state_)] {
        auto touched = weak_entry.lock();
        if (!touched) return;
        if (auto state = weak_state.lock()) {
          std::vector<State::EntryPtr> gone;
          std::lock_guard lock(state->mutex);
          state->remove_locked(touched, gone);
        }
        touched->fire();
      }));

  QueryKey stored = key;
  if (!observed_identity) stored.identity.clear();
  entry->keys.push_back(stored);
  if (journal && *journal != stored.journal) {
    entry->keys.push_back(stored);
    entry->keys.back().journal = *journal;
  }
  for (const QueryKey& each : entry->keys) {
    entry->bytes += each.path.size() + each.args_json.size() + each.journal.size() + each.identity.size();
  }
  std::vector<State::EntryPtr> gone;
  {
    std::lock_guard lock(state_->mutex);
    if (!entry->invalidated()) {
      if (entry->keys.size() == 1) state_->line_up_locked(stored, entry);
      for (const QueryKey& each : entry->keys) {
        auto it = state_->entries.find(each);
        if (it != state_->entries.end()) state_->remove_locked(it->second, gone);
        state_->entries[each] = entry;
      }
      if (entry->keys.size() == 1) state_->line_up_locked(stored, entry);
      state_->recency.push_front(entry);
      entry->position = state_->recency.begin();
      entry->stored = true;
      state_->bytes += entry->bytes;
      while (state_->bytes > state_->max_bytes && state_->recency.size() > 1) {
        state_->remove_locked(state_->recency.back(), gone);
      }
      return entry;
    }
    state_->keep_past_locked(entry, gone);
  }
  entry->fire();
  return entry;
}

QueryCache::Stats QueryCache::stats() const {
  std::lock_guard lock(state_->mutex);
  return {state_->recency.size(), state_->bytes};
}

}  // namespace hull
