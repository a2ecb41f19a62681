// A queue as a table: producers insert, consumers take the first row of an index range and delete it. The
// range's beginning fills with deleted rows; taking the first must not get slower.
#include "engine_commands.h"
#include "engine_lab.h"

namespace hull::bench {
namespace {

constexpr size_t kLanes = 8, kBacklog = 100;

class Queue {
 public:
  Queue(Lab& lab, uint64_t count) : lab_(lab), count_(count), costs_(count), finished_(kLanes), tasks_(2) {
    lab_.transact(
        [](Transaction& tx) {
          must(tx.ensure_table("jobs"), "table");
          must(tx.add_index("jobs", {"by_state_at", {"state", "at", "_creationTime"}, false}), "index");
        },
        TableAccess::kSystem);
    lab_.transact([&](Transaction& tx) {
      for (size_t i = 0; i < kLanes * kBacklog; ++i) must(tx.insert("jobs", job(i % kLanes)), "insert");
    });
  }
  // CPU microseconds of each first(), in the order in which they were taken.
  const std::vector<double>& run() {
    for (size_t lane = 0; lane < kLanes; ++lane) tasks_.post([this, lane] { consume(lane); });
    finished_.wait();
    return costs_;
  }

 private:
  static std::string state(size_t lane) { return "ready" + std::to_string(lane); }
  Value job(size_t lane) {
    ValueBuilder b;
    b.begin_object();
    b.key("state").string(state(lane));
    b.key("at").float64(static_cast<double>(produced_.fetch_add(1, std::memory_order_relaxed)));
    b.key("payload").string(
        "what the job shall do, in some words that take about a hundred bytes of room here");
    b.end();
    return b.finish();
  }
  void consume(size_t lane) {
    const uint64_t n = taken_.fetch_add(1, std::memory_order_relaxed);
    if (n >= count_) return finished_.done();
    QuerySpec spec;
    spec.source = QuerySpec::Source::kIndexRange;
    spec.table = "jobs";
    spec.index = "by_state_at";
    spec.range.push_back({RangeBound::Op::kEq, "state", Value::string(state(lane))});
    spec.operators.push_back({nullptr, 1});
    Transaction tx(lab_.engine().snapshot(), lab_.options(true));
    const int64_t start = thread_cpu_ns();
    auto stream = must(tx.query(spec, false), "query");
    DocumentPtr job = must(stream->next(), "next");
    costs_[n] = static_cast<double>(thread_cpu_ns() - start) / 1e3;
    if (!job) fail("the queue ran empty");
    must(tx.remove(job->id.text(), std::nullopt), "remove");
    submit(tx, [this, lane] {
      tasks_.post([this, lane] { produce(lane); });
      tasks_.post([this, lane] { consume(lane); });
    });
  }
  void produce(size_t lane) {
    Transaction tx(lab_.engine().snapshot(), lab_.options(true));
    must(tx.insert("jobs", job(lane)), "insert");
    submit(tx, [] {});
  }
  void submit(Transaction& tx, std::function<void()> next) {
    must(tx.finish(), "finish");
    lab_.engine().submit(tx.commit_request("bench:queue"), [next = std::move(next)](CommitOutcome outcome) {
      if (!outcome.ts) fail(outcome.error ? outcome.error->message : "a queue transaction conflicted");
      next();
    });
  }

  Lab& lab_;
  const uint64_t count_;
  std::vector<double> costs_;
  std::atomic<uint64_t> produced_{0}, taken_{0};
  Latch finished_;
  Tasks tasks_;  // last: its threads use everything above
};

}  // namespace

void queue(const Arguments& arguments) {
  ScratchDirectory directory;
  Lab lab(directory.path());
  const auto count = static_cast<size_t>(arguments.number("count", 200000));
  Queue queue(lab, count);
  const int64_t start = now_ns();
  const std::vector<double>& costs = queue.run();
  const double seconds = seconds_since(start);
  const auto sample = static_cast<std::ptrdiff_t>(count / 20);
  std::vector<double> first(costs.begin(), costs.begin() + sample), last(costs.end() - sample, costs.end());
  Report()
      .add("first_us", quantile(first, 0.5))
      .add("last_us", quantile(last, 0.5))
      .add("first_p99_us", quantile(first, 0.99))
      .add("last_p99_us", quantile(last, 0.99))
      .add("taken_per_s", static_cast<double>(count) / seconds)
      .print();
}

}  // namespace hull::bench
