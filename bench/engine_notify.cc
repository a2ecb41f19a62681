// Many live subscriptions to single documents: how late they hear of a commit, and what they cost commits
// that do not concern them.
#include <algorithm>
#include <thread>

#include "database/read_view.h"
#include "engine_commands.h"
#include "engine_lab.h"

namespace hull::bench {
namespace {

constexpr size_t kTouched = 3;  // documents per commit

// One subscription per document, taken again whenever it has been invalidated.
class Watchers {
 public:
  Watchers(Lab& lab, size_t count) : lab_(lab), watched_(count), tasks_(2) {
    constexpr size_t kBatch = 10000;
    std::vector<std::string> ids;
    for (size_t from = 0; from < count; from += kBatch) {
      lab.transact([&](Transaction& tx) {
        ids.resize(from);  // of an attempt that lost
        for (size_t i = from; i < std::min(count, from + kBatch); ++i)
          ids.push_back(must(tx.insert("messages", message(i)), "insert").text());
      });
    }
    const IndexId by_id = lab.table("messages").by_id;
    for (size_t i = 0; i < count; ++i) {
      watched_[i].id = ids[i];
      auto reads = std::make_shared<ReadSet>();
      reads->add_point(by_id, by_id_key(must(DocumentId::parse(ids[i]), "id")), true);
      watched_[i].reads = std::move(reads);
    }
  }
  ~Watchers() { unsubscribe(); }

  void subscribe() {
    for (Watched& watched : watched_) subscribe(watched);
  }
  void unsubscribe() {
    for (Watched& watched : watched_) watched.subscription.reset();
  }

  // Commits at a steady rate, each changing the next few documents.
  void commit_paced(double rate, double seconds) {
    const auto commits = static_cast<uint64_t>(rate * seconds);
    const int64_t start = now_ns();
    for (uint64_t n = 0; n < commits; ++n) {
      const int64_t due = start + static_cast<int64_t>(static_cast<double>(n) / rate * 1e9);
      if (const int64_t left = due - now_ns(); left > 0)
        std::this_thread::sleep_for(std::chrono::nanoseconds(left));
      tasks_.post([this, n] { change(n * kTouched); });
    }
    rate_ = static_cast<double>(commits) / seconds_since(start);
    const uint64_t expected = commits * kTouched;
    for (int i = 0; i < 10000 && notified_.load() < expected; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (notified_.load() != expected) fail("notifications are missing");
  }
  double rate() const { return rate_; }

  // Milliseconds; call after commit_paced().
  std::vector<double> submit_to_acknowledged, submit_to_notified, acknowledged_to_notified;

 private:
  struct Watched {
    std::string id;
    std::shared_ptr<const ReadSet> reads;
    std::shared_ptr<Subscription> subscription;
    int64_t submitted_ns = 0, acknowledged_ns = 0;
  };

  void subscribe(Watched& watched) {
    watched.subscription = lab_.engine().subscribe(watched.reads, lab_.engine().latest(),
                                                   [this, w = &watched] { notified(*w); });
  }
  // Log-writer thread, like the answers to commits: the samples need no lock.
  void notified(Watched& watched) {
    const int64_t now = now_ns();
    submit_to_notified.push_back(static_cast<double>(now - watched.submitted_ns) / 1e6);
    acknowledged_to_notified.push_back(static_cast<double>(now - watched.acknowledged_ns) / 1e6);
    tasks_.post([this, w = &watched] {
      subscribe(*w);
      notified_.fetch_add(1);
    });
  }
  void change(uint64_t first) {
    Transaction tx(lab_.engine().snapshot(), lab_.options(true));
    for (uint64_t i = first; i < first + kTouched; ++i) {
      ValueBuilder patch;
      patch.begin_object().key("rank").float64(-1 - static_cast<double>(i)).end();
      must(tx.patch(watched_[i % watched_.size()].id, patch.finish(), std::nullopt), "patch");
    }
    must(tx.finish(), "finish");
    CommitRequest request = tx.commit_request("bench:change");
    const int64_t submitted = now_ns();
    for (uint64_t i = first; i < first + kTouched; ++i)
      watched_[i % watched_.size()].submitted_ns = submitted;
    lab_.engine().submit(std::move(request), [this, first, submitted](CommitOutcome outcome) {
      if (!outcome.ts) fail("a change did not commit");
      const int64_t now = now_ns();
      submit_to_acknowledged.push_back(static_cast<double>(now - submitted) / 1e6);
      for (uint64_t i = first; i < first + kTouched; ++i) watched_[i % watched_.size()].acknowledged_ns = now;
    });
  }

  Lab& lab_;
  std::vector<Watched> watched_;
  std::atomic<uint64_t> notified_{0};
  double rate_ = 0;
  Tasks tasks_;  // last: its threads use everything above
};

// CPU microseconds of all threads per insert by 64 writers.
double insert_cost(Lab& lab, double seconds) {
  InsertWriters writers(lab, 64, 2, 1'000'000, 0);
  const double start = cpu_seconds();
  writers.start();
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  writers.stop();
  return (cpu_seconds() - start) * 1e6 / static_cast<double>(writers.acknowledged());
}

}  // namespace

void notify(const Arguments& arguments) {
  ScratchDirectory directory;
  Lab lab(directory.path());
  lab.create_messages(false);
  const auto count = static_cast<size_t>(arguments.number("subscriptions", 100000));
  Watchers watchers(lab, count);
  lab.wait_until_applied();

  const double before_mib = resident_mib();
  const int64_t start = now_ns();
  watchers.subscribe();
  const double subscribe_us = seconds_since(start) * 1e6 / static_cast<double>(count);
  const double subscribed_mib = resident_mib();
  if (lab.engine().subscription_count() < count) fail("subscriptions are missing");
  watchers.commit_paced(arguments.number("rate", 1000), arguments.number("seconds", 5));

  std::vector<double> alone, watched;
  insert_cost(lab, 0.5);
  for (int round = 0; round < static_cast<int>(arguments.number("rounds", 5)); ++round) {
    watchers.unsubscribe();
    alone.push_back(insert_cost(lab, 1));
    watchers.subscribe();
    watched.push_back(insert_cost(lab, 1));
  }
  Report()
      .add("rate", watchers.rate())
      .add("ack_p50_ms", quantile(watchers.submit_to_acknowledged, 0.5))
      .add("ack_p99_ms", quantile(watchers.submit_to_acknowledged, 0.99))
      .add("notify_p50_ms", quantile(watchers.submit_to_notified, 0.5))
      .add("notify_p99_ms", quantile(watchers.submit_to_notified, 0.99))
      .add("after_ack_p50_ms", quantile(watchers.acknowledged_to_notified, 0.5))
      .add("after_ack_p99_ms", quantile(watchers.acknowledged_to_notified, 0.99))
      .add("subscribe_us", subscribe_us)
      .add("subscription_bytes", (subscribed_mib - before_mib) * 1048576 / static_cast<double>(count))
      .add("commit_us_0", quantile(alone, 0.5))
      .add("commit_us_all", quantile(watched, 0.5))
      .print();
}

}  // namespace hull::bench
