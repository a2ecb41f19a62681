// AsyncCache: values that take a while to load, kept by key as long as they are fresh. Those who ask for the
// same key while it is being loaded share the load. When a load fails, the old value goes on serving for a
// while, if there is one.
//
// Thread-safe. Callbacks run outside the lock, before get() returns or on the thread that ends the load.
// Every load must end once, before the cache is destroyed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace hull {

template <typename V>
class AsyncCache {
 public:
  struct Policy {
    size_t max_entries = 64;
    double min_fresh_s = 5, max_fresh_s = 86400, default_fresh_s = 60;
    double stale_s = 300;  // how long past its time a value stands in for a failed load
    double renew_interval_s =
        10;  // at most one load per key in this time because a value was not good enough
    std::function<int64_t()> now_ns;
  };
  struct Loaded {
    V value;
    std::optional<double> fresh_for_s;
  };
  using OnValue = std::function<void(Result<V>)>;
  using Load = std::function<void(std::function<void(Result<Loaded>)>)>;

  explicit AsyncCache(Policy policy) : policy_(std::move(policy)) {}

  // `renew`: what is there was not good enough; it is loaded again unless that was done a moment ago.
  void get(const std::string& key, bool renew, const Load& load, OnValue done) {
    std::unique_lock lock(mutex_);
    const int64_t now = policy_.now_ns();
    Entry& entry = entries_[key];
    entry.used_ns = now;
    const bool may_renew = renew && now - entry.renewed_ns >= nanos(policy_.renew_interval_s);
    if (entry.value && now < entry.fresh_until_ns && !may_renew && !(renew && entry.loading)) {
      V value = *entry.value;
      lock.unlock();
      return done(std::move(value));
    }
    if (may_renew) entry.renewed_ns = now;
    entry.waiting.push_back(std::move(done));
    if (std::exchange(entry.loading, true)) return;
    forget_oldest_locked();
    lock.unlock();
    load([this, key](Result<Loaded> loaded) { landed(key, std::move(loaded)); });
  }

 private:
  struct Entry {
    std::optional<V> value;
    int64_t fresh_until_ns = 0, stale_until_ns = 0, used_ns = 0;
    int64_t renewed_ns = INT64_MIN / 2;
    bool loading = false;
    std::vector<OnValue> waiting;
  };
  static int64_t nanos(double seconds) { return static_cast<int64_t>(seconds * 1e9); }

  void landed(const std::string& key, Result<Loaded> loaded) {
    std::vector<OnValue> waiting;
    std::optional<V> value;
    {
      std::lock_guard lock(mutex_);
      Entry& entry = entries_[key];
      const int64_t now = policy_.now_ns();
      if (loaded.ok()) {
        const double fresh_s = loaded->fresh_for_s.value_or(policy_.default_fresh_s);
        entry.value = std::move(loaded->value);
        entry.fresh_until_ns = now + nanos(std::clamp(fresh_s, policy_.min_fresh_s, policy_.max_fresh_s));
        entry.stale_until_ns = entry.fresh_until_ns + nanos(policy_.stale_s);
        value = entry.value;
      } else if (entry.value && now < entry.stale_until_ns) {
        // Not everybody who comes in this time waits for another load to fail.
        const int64_t soon = std::min(now + nanos(policy_.min_fresh_s), entry.stale_until_ns);
        entry.fresh_until_ns = std::max(entry.fresh_until_ns, soon);
        value = entry.value;
      } else {
        entry.value.reset();
      }
      entry.loading = false;
      waiting.swap(entry.waiting);
      if (!entry.value) entries_.erase(key);
    }
    for (OnValue& each : waiting) {
      if (value) {
        each(*value);
      } else {
        each(loaded.error());
      }
    }
  }

  void forget_oldest_locked() {
    if (entries_.size() <= policy_.max_entries) return;
    auto oldest = entries_.end();
    for (auto it = entries_.begin(); it != entries_.end(); ++it) {
      if (it->second.loading) continue;
      if (oldest == entries_.end() || it->second.used_ns < oldest->second.used_ns) oldest = it;
    }
    if (oldest != entries_.end()) entries_.erase(oldest);
  }

  const Policy policy_;
  std::mutex mutex_;
  std::map<std::string, Entry> entries_;
};

}  // namespace hull
