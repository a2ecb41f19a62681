#include "services/due_queue.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <mutex>
#include <vector>

#include "base/log.h"
#include "value/key.h"

namespace hull {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
constexpr size_t kFirstReadRows = 8, kReadRows = 128;
// Rows of one kind that are due and known while they wait for a free slot; what is behind them is read later.
constexpr size_t kMaxWaiting = 2048;
// Watched ranges behind the position, before they are made one.
constexpr size_t kMaxPieces = 16;
constexpr int64_t kUnchangedWaitNs = kSecond;
// More rows that were left unchanged at the same time mean that nothing can be started.
constexpr size_t kMaxHeld = 256;
constexpr int64_t kRetryReadNs = kSecond;
// The wall clock may be set: how long a wait goes on without a look at it.
constexpr int64_t kLongestWaitNs = 10 * kSecond;

enum Kind : size_t { kPlain, kApart, kKinds };

// What callbacks touch: it may outlive the queue.
struct Shared {
  explicit Shared(std::shared_ptr<Event> event) : changed(std::move(event)) {}
  const std::shared_ptr<Event> changed;
  std::mutex mutex;
  std::vector<InternalId> done;
};

std::optional<int64_t> next_ts(const Document& row) {
  auto field = row.value.view().find("nextTs");
  return field && field->is_int64() ? std::optional(field->as_int64()) : std::nullopt;
}

// Everything that is due by `position_` is either with a handler or waiting for one; behind it nothing is
// known except the time of the next row. Subscriptions say when that stops being true: one set of ranges up
// to the position, without the keys of the known rows (their handlers change those, and check them again),
// and one range behind it. So the queue's own progress causes no reading.
class DueQueueImpl final : public DueQueue {
 public:
  explicit DueQueueImpl(DueQueueOptions options)
      : options_(std::move(options)),
        engine_(*options_.engine),
        env_(engine_.env()),
        shared_(std::make_shared<Shared>(env_.make_event())),
        idle_changed_(env_.make_event()),
        table_(*engine_.snapshot()->catalog()->table(std::string_view(options_.table))),
        index_(table_.find_index("by_next_ts")),
        bounds_{options_.parallelism, options_.apart_parallelism} {
    append_int64_key(std::numeric_limits<int64_t>::min(), start_);
    position_ = start_;
    thread_ = env_.start_thread("due-queue", [this] { run(); });
  }
  ~DueQueueImpl() override {
    stopping_ = true;
    shared_->changed->notify();
    thread_.reset();
  }

  void wake() override { shared_->changed->notify(); }
  void drain() override {
    draining_ = true;
    wake();
  }
  bool wait_until_idle(int64_t deadline_ns) override {
    while (!idle_ && idle_changed_->wait_until(deadline_ns)) {
    }
    return idle_;
  }
  int64_t lag_ns() const override {
    const int64_t oldest = oldest_.load();
    return oldest == kNever ? 0 : std::max<int64_t>(0, env_.unix_nanos() - oldest);
  }
  size_t running() const override { return running_count_.load(); }
  size_t waiting() const override { return waiting_count_.load(); }

 private:
  struct Running {
    std::string key;
    Kind kind = kPlain;
    std::optional<int64_t> held_until;  // its handler is done and has changed nothing
  };
  struct Waiting {
    std::string key;
    DocumentPtr row;
  };

  void run() {
    while (!stopping_) {
      env_.pause("due_queue.step");
      int64_t until = kNever;
      if (auto done = step(until); !done.ok()) {
        if (!failing_) spdlog::error("reading due rows of {}: {}", options_.table, done.error().message);
        failing_ = true;
        start_over();  // what has been read may not be watched
        until = env_.monotonic_nanos() + kRetryReadNs;
      } else {
        failing_ = false;
      }
      show_idle();
      if (!stopping_) wait(until);
    }
  }

  void wait(int64_t until) {
    shared_->changed->wait_until(std::min(until, env_.monotonic_nanos() + kLongestWaitNs));
  }

  // `until`: monotonic time of the next thing to do if nothing changes.
  Result<void> step(int64_t& until) {
    HULL_CHECK_OK(forget_done());
    release_held(until);
    if (!passed_unchanged(engine_.latest())) start_over();
    do {
      HULL_CHECK_OK(read_ahead());
      start_waiting();
    } while (!stopping_ && blocked_ && has_room(blocked_kind_));
    show_oldest();
    if (head_ && !blocked_) {
      const int64_t left = std::max<int64_t>(0, *head_ - env_.unix_nanos());
      until = std::min(until, env_.monotonic_nanos() + left);
    }
    return {};
  }

  Result<void> forget_done() {
    std::vector<InternalId> done;
    {
      std::lock_guard lock(shared_->mutex);
      done.swap(shared_->done);
    }
    if (done.empty()) return {};
    SnapshotPtr snapshot = engine_.snapshot();
    bool passed_over = false;
    for (const InternalId& id : done) {
      auto found = running_.find(id);
      if (found == running_.end()) continue;
      --active_[found->second.kind];
      auto row = snapshot->get(table_.tablet, id);
      const std::string key = row.ok() && *row ? index_->key_for((*row)->value) : std::string();
      // What cannot be read may be unchanged.
      if (!row.ok() || key == found->second.key) {
        found->second.held_until = env_.monotonic_nanos() + kUnchangedWaitNs;
        ++held_;
        continue;
      }
      running_.erase(found);
      // It may have been read with its new time already, and left out because it was running.
      passed_over |= key >= start_ && key < position_;
    }
    if (passed_over) start_over();
    running_count_ = active_[kPlain] + active_[kApart];
    return {};
  }

  void release_held(int64_t& until) {
    bool released = false;
    const int64_t now = env_.monotonic_nanos();
    for (auto it = running_.begin(); it != running_.end();) {
      const auto& held = it->second.held_until;
      if (held && *held <= now) {
        it = running_.erase(it);
        --held_;
        released = true;
        continue;
      }
      if (held) until = std::min(until, *held);
      ++it;
    }
    if (released) start_over();
  }

  bool passed_unchanged(Timestamp at) const {
    return std::all_of(passed_.begin(), passed_.end(),
                       [at](const auto& subscription) { return subscription->valid_at(at); });
  }

  // Forgets what waits and reads from the beginning; what runs is remembered.
  void start_over() {
    for (auto& waiting : waiting_) waiting.clear();
    passed_.clear();
    ahead_.reset();
    blocked_ = false;
    position_ = start_;
  }

  Result<void> read_ahead() {
    const bool unchanged = ahead_ && ahead_->valid_at(engine_.latest());
    const bool head_due = head_ && !blocked_ && *head_ <= env_.unix_nanos();
    const bool room = blocked_ && has_room(blocked_kind_);
    if (unchanged && !head_due && !room) return {};
    ahead_.reset();
    head_.reset();
    blocked_ = false;
    SnapshotPtr snapshot = engine_.snapshot();
    const std::string from = position_;
    bool more = true;
    for (size_t limit = kFirstReadRows; more; limit = kReadRows) {
      HULL_TRY(auto rows, snapshot->scan(*index_, Interval{position_, std::nullopt}, Order::kAsc, limit));
      more = rows.size() == limit;
      for (auto& row : rows) {
        if (!take(std::move(row))) {
          more = false;
          break;
        }
      }
    }
    watch(*snapshot, from);
    return {};
  }

  // Half of the room at least, so that a full queue is not read row by row.
  bool has_room(Kind kind) const { return waiting_[kind].size() <= kMaxWaiting / 2; }

  // False: the row is not due or there is no room for it.
  bool take(IndexRow row) {
    auto ts = next_ts(*row.document);
    if (ts && *ts > env_.unix_nanos()) {
      head_ = ts;
      head_key_ = std::move(row.key);
      return false;
    }
    if (ts && !running_.contains(row.document->id.internal)) {
      const Kind kind = options_.apart && options_.apart(*row.document) ? kApart : kPlain;
      if (waiting_[kind].size() >= kMaxWaiting) {
        blocked_ = true;
        blocked_kind_ = kind;
        head_ = ts;
        head_key_ = std::move(row.key);
        return false;
      }
      waiting_[kind].push_back({row.key, std::move(row.document)});
    }
    position_ = std::move(row.key) + '\0';
    return true;
  }

  void watch(const Snapshot& snapshot, const std::string& from) {
    auto notify = [shared = shared_] { shared->changed->notify(); };
    if (position_ != from) {
      if (passed_.size() >= kMaxPieces && passed_unchanged(snapshot.ts())) {
        passed_.clear();
        passed_.push_back(engine_.subscribe(between(start_, position_), snapshot.ts(), notify));
      } else {
        passed_.push_back(engine_.subscribe(between(from, position_), snapshot.ts(), notify));
      }
    }
    auto reads = std::make_shared<ReadSet>();
    reads->add(index_->id, {position_, head_ ? std::optional(head_key_ + '\0') : std::nullopt}, false);
    ahead_ = engine_.subscribe(std::move(reads), snapshot.ts(), notify);
  }

  // The range without the keys of known rows.
  std::shared_ptr<const ReadSet> between(const std::string& from, const std::string& to) const {
    std::vector<std::string_view> known;
    auto note = [&](std::string_view key) {
      if (key >= from && key < to) known.push_back(key);
    };
    for (const auto& [id, running] : running_) note(running.key);
    for (const auto& waiting : waiting_)
      for (const auto& entry : waiting) note(entry.key);
    std::sort(known.begin(), known.end());
    auto reads = std::make_shared<ReadSet>();
    std::string start = from;
    for (std::string_view key : known) {
      if (start < key) reads->add(index_->id, {start, std::string(key)}, false);
      start = std::string(key) + '\0';
    }
    if (start < to) reads->add(index_->id, {start, to}, false);
    return reads;
  }

  void start_waiting() {
    while (!stopping_ && !draining_ && held_ < kMaxHeld) {
      Kind next = kKinds;
      for (Kind kind : {kPlain, kApart}) {
        if (waiting_[kind].empty() || active_[kind] >= bounds_[kind]) continue;
        if (next == kKinds || waiting_[kind].front().key < waiting_[next].front().key) next = kind;
      }
      if (next == kKinds || !may_run()) return;
      Waiting entry = std::move(waiting_[next].front());
      waiting_[next].pop_front();
      const InternalId id = entry.row->id.internal;
      // It got a new time while it waited, and was read with both: once the first is done, it is read again.
      if (running_.contains(id)) continue;
      running_[id] = Running{std::move(entry.key), next, std::nullopt};
      ++active_[next];
      running_count_ = active_[kPlain] + active_[kApart];
      options_.handle(std::move(entry.row), [shared = shared_, id] {
        {
          std::lock_guard lock(shared->mutex);
          shared->done.push_back(id);
        }
        shared->changed->notify();
      });
    }
  }

  bool may_run() {
    if (!options_.may_run) return true;
    // Watched from before the question, so that no answer is missed.
    if (!state_ || !state_->valid_at(engine_.latest())) {
      SnapshotPtr snapshot = engine_.snapshot();
      auto reads = std::make_shared<ReadSet>();
      reads->add(snapshot->catalog()->table(std::string_view("_backend_state"))->by_id, {"", std::nullopt},
                 false);
      state_ = engine_.subscribe(std::move(reads), snapshot->ts(),
                                 [shared = shared_] { shared->changed->notify(); });
    }
    return options_.may_run();
  }

  // Once draining is seen here, start_waiting() has seen it or will.
  void show_idle() {
    if (idle_ || !draining_ || running_count_ > 0) return;
    idle_ = true;
    idle_changed_->notify();
  }

  void show_oldest() {
    int64_t oldest = head_.value_or(kNever);
    for (const auto& waiting : waiting_)
      if (!waiting.empty()) oldest = std::min(oldest, *next_ts(*waiting.front().row));
    oldest_ = oldest;
    waiting_count_ = waiting_[kPlain].size() + waiting_[kApart].size();
  }

  const DueQueueOptions options_;
  Engine& engine_;
  Env& env_;
  const std::shared_ptr<Shared> shared_;
  const std::shared_ptr<Event> idle_changed_;
  const TableInfo table_;
  const std::shared_ptr<const IndexInfo> index_;
  const std::array<size_t, kKinds> bounds_;
  std::atomic<bool> stopping_{false}, draining_{false}, idle_{false};
  std::atomic<int64_t> oldest_{kNever};
  std::atomic<size_t> running_count_{0}, waiting_count_{0};

  // The thread's own.
  std::string start_, position_;
  std::map<InternalId, Running> running_;
  std::array<std::deque<Waiting>, kKinds> waiting_;
  std::array<size_t, kKinds> active_{};
  size_t held_ = 0;              // of the running ones, those with a handler that is done
  std::optional<int64_t> head_;  // nextTs of the first row behind the position
  std::string head_key_;
  bool blocked_ = false;  // it is due, but too many of its kind wait already
  Kind blocked_kind_ = kPlain;
  bool failing_ = false;
  std::vector<std::shared_ptr<Subscription>> passed_;
  std::shared_ptr<Subscription> ahead_, state_;

  std::unique_ptr<Thread> thread_;  // last: started when everything else exists
};

}  // namespace

std::unique_ptr<DueQueue> DueQueue::start(DueQueueOptions options) {
  return std::make_unique<DueQueueImpl>(std::move(options));
}

}  // namespace hull
