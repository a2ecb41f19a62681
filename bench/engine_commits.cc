// Concurrent writers: one durable document per transaction, and one hot document that all of them increment.
#include <algorithm>
#include <thread>

#include "base/time.h"
#include "engine_commands.h"
#include "engine_lab.h"

namespace hull::bench {
namespace {

void sleep_seconds(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

// Increments one document by the retry protocol of MutationRunner: a lost attempt waits for its turn and for
// the commit that it lost against.
class Incrementers {
 public:
  Incrementers(Lab& lab, std::string id, size_t writers)
      : lab_(lab), id_(std::move(id)), writers_(writers), finished_(writers), tasks_(2) {}

  struct Writer {
    uint64_t increments = 0;
    size_t attempts = 0, max_attempts = 0;
    std::shared_ptr<Turn> turn;
  };

  std::vector<Writer> run(double seconds) {
    const int64_t start = now_ns();
    for (Writer& writer : writers_) tasks_.post([this, w = &writer] { attempt(*w); });
    sleep_seconds(seconds);
    stopping_ = true;
    finished_.wait();
    elapsed_ = seconds_since(start);
    return writers_;
  }
  double elapsed() const { return elapsed_; }

 private:
  void attempt(Writer& writer) {
    if (writer.attempts == 0 && stopping_) return finished_.done();
    ++writer.attempts;
    Transaction tx(lab_.engine().snapshot(), lab_.options(true));
    DocumentPtr document = must(tx.get(id_, false, std::nullopt), "get");
    ValueBuilder patch;
    patch.begin_object().key("rank").float64(document->value->find("rank")->as_float64() + 1).end();
    must(tx.patch(id_, patch.finish(), std::nullopt), "patch");
    must(tx.finish(), "finish");
    CommitRequest request = tx.commit_request("bench:increment");
    request.queues = true;
    request.turn = writer.turn;
    lab_.engine().submit(std::move(request), [this, w = &writer](CommitOutcome outcome) {
      if (outcome.error) fail(outcome.error->message);
      answered(*w, std::move(outcome));
    });
  }
  void answered(Writer& writer, CommitOutcome outcome) {
    writer.turn = outcome.conflict ? std::move(outcome.conflict->turn) : nullptr;
    if (outcome.ts) {
      ++writer.increments;
      writer.max_attempts = std::max(writer.max_attempts, std::exchange(writer.attempts, 0));
      return tasks_.post([this, w = &writer] { attempt(*w); });
    }
    auto go = [this, w = &writer, ts = outcome.conflict->conflicting] {
      lab_.engine().when_published(ts, [this, w] { tasks_.post([this, w] { attempt(*w); }); });
    };
    if (writer.turn) {
      writer.turn->when_ready(go);
    } else {
      go();
    }
  }

  Lab& lab_;
  const std::string id_;
  std::vector<Writer> writers_;
  Latch finished_;
  std::atomic<bool> stopping_{false};
  double elapsed_ = 0;
  Tasks tasks_;  // last: its threads use everything above
};

}  // namespace

void transactions(const Arguments& arguments) {
  ScratchDirectory directory;
  Lab lab(directory.path());
  lab.create_messages(arguments.number("indexes", 0) != 0);
  const double seconds = arguments.number("seconds", 2);
  const auto before = lab.engine().stats();
  // threads=0: one thread of the operating system per writer.
  InsertWriters writers(lab, static_cast<size_t>(arguments.number("writers", 64)),
                        static_cast<size_t>(arguments.number("threads", 2)), 0, 0);
  const double cpu_before = cpu_seconds();
  const int64_t begin = now_ns();
  writers.start();
  sleep_seconds(0.3);
  const uint64_t warm = writers.acknowledged();
  const int64_t start = now_ns();
  sleep_seconds(seconds);
  const uint64_t counted = writers.acknowledged() - warm;
  const double elapsed = seconds_since(start);
  writers.stop();
  const double until_answered = seconds_since(begin);
  lab.wait_until_applied();
  const double until_applied = seconds_since(begin);
  const double cpu = cpu_seconds() - cpu_before;
  const auto after = lab.engine().stats();
  const auto total = static_cast<double>(writers.acknowledged());

  Transaction tx(lab.engine().snapshot(), lab.options(false));
  if (static_cast<double>(must(tx.count("messages"), "count")) != total) fail("documents are missing");
  auto rows = must(lab.engine().snapshot()->scan(*lab.table("messages").indexes.front(), {"", std::nullopt},
                                                 Order::kAsc, 1),
                   "scan");
  Report()
      .add("rate", static_cast<double>(counted) / elapsed)
      .add("applied_rate", total / until_applied)
      .add("cpu_us", cpu * 1e6 / total)
      .add("behind_s", until_applied - until_answered)
      .add("group", static_cast<double>(after.commits - before.commits) /
                        static_cast<double>(after.groups - before.groups))
      .add("recent_bytes", static_cast<double>(after.recent_bytes) / total)
      .add("bytes", static_cast<double>(rows.at(0).document->value.packed().size()))
      .print();
}

void contention(const Arguments& arguments) {
  ScratchDirectory directory;
  Lab lab(directory.path());
  lab.create_messages(false);
  std::string id;
  lab.transact([&](Transaction& tx) { id = must(tx.insert("messages", message(0)), "insert").text(); });
  Incrementers incrementers(lab, id, static_cast<size_t>(arguments.number("writers", 64)));
  const auto writers = incrementers.run(arguments.number("seconds", 3));

  uint64_t total = 0, least = UINT64_MAX, most = 0;
  size_t attempts = 0;
  for (const auto& writer : writers) {
    total += writer.increments;
    least = std::min(least, writer.increments);
    most = std::max(most, writer.increments);
    attempts = std::max(attempts, writer.max_attempts);
  }
  Transaction tx(lab.engine().snapshot(), lab.options(false));
  DocumentPtr document = must(tx.get(id, false, std::nullopt), "get");
  if (document->value->find("rank")->as_float64() != static_cast<double>(total)) fail("increments were lost");
  Report()
      .add("rate", static_cast<double>(total) / incrementers.elapsed())
      .add("max_attempts", static_cast<double>(attempts))
      .add("most", static_cast<double>(most))
      .add("least", static_cast<double>(least))
      .add("conflicts", static_cast<double>(lab.engine().stats().conflicts))
      .print();
}

}  // namespace hull::bench
