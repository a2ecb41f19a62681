// One generation of RecentWrites: the changes of a run of consecutive commits, in key order per index.
//
// Thread-safety: the mutex guards everything below it, except that the timestamps may be read without it. It
// is held shared by readers for the length of one look-up or one bounded scan.
#pragma once

#include "database/recent_writes.h"

namespace hull {

class RecentWrites::Generation {
 public:
  struct Touch {
    Timestamp ts;
    const LoggedCommit* commit;  // owned by commits_
    const TouchedKey* key;
  };
  // Touches of one key in commit order. Most keys have one.
  class Touches {
   public:
    explicit Touches(Touch first) : first_(first) {}
    const Touch& oldest() const { return first_; }
    const Touch& newest() const { return later_.empty() ? first_ : later_.back(); }
    void add(Touch touch) { later_.push_back(touch); }
    // False if nothing is left.
    bool remove_after(Timestamp ts);
    template <typename Visit>
    void each(Visit visit) const {
      if (!visit(first_)) return;
      for (const Touch& touch : later_)
        if (!visit(touch)) return;
    }

   private:
    Touch first_;
    std::vector<Touch> later_;
  };
  // The keys are views into the oldest touch.
  using Rows = std::map<std::string_view, Touches, std::less<>>;

  Timestamp newest() const { return Timestamp{newest_.load(std::memory_order_acquire)}; }
  int64_t began_at() const { return began_at_; }
  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  bool full(int64_t now) const;

  // Committer's thread.
  size_t append(LoggedCommitPtr commit);
  // Returns the bytes freed.
  size_t remove_after(Timestamp ts);

  // The caller holds `mutex` (shared) in the following.
  mutable std::shared_mutex mutex;
  const Rows* rows(IndexId index) const;
  // One of the newest touches of `reads` after `after`.
  std::optional<Touch> recent_hit(const ReadSet& reads, Timestamp after) const;
  // The oldest one in (after, until].
  std::optional<Touch> oldest_hit(const ReadSet& reads, Timestamp after, Timestamp until) const;
  void add_changes(TabletId tablet, Timestamp after, Timestamp until, TableSummary& sum) const;
  LoggedCommitPtr owner(const Touch& touch) const;
  bool empty() const { return commits_.empty(); }

 private:
  // Calls visit(touches) for every touched key that `reads` contains, until it returns false.
  template <typename Visit>
  void each_read(const ReadSet& reads, Visit visit) const;
  // How many keys the commits after `after` touched, counting stops above `enough`.
  size_t touched_after(Timestamp after, size_t enough) const;

  std::vector<LoggedCommitPtr> commits_;  // ascending
  std::unordered_map<uint32_t, Rows> indexes_;
  size_t touched_ = 0;
  int64_t began_at_ = 0;  // set by the first append, before any reader sees the generation
  std::atomic<size_t> bytes_{0};
  std::atomic<int64_t> newest_{0};
};

}  // namespace hull
