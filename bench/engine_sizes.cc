// The same operations on a small and on a large table, in turns.
#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <random>

#include "engine_commands.h"
#include "engine_table.h"

namespace hull::bench {
namespace {

struct Side {
  Side(const std::string& directory, uint64_t n, size_t page_cache_bytes)
      : lab(directory, page_cache_bytes), documents(n) {}
  Lab lab;
  const uint64_t documents;
  std::mt19937_64 random{7};
  uint64_t pick() { return random() % documents; }
};

size_t consume(Transaction& tx, const QuerySpec& spec) {
  auto stream = must(tx.query(spec, false), "query");
  size_t rows = 0;
  while (must(stream->next(), "next")) ++rows;
  return rows;
}

QuerySpec range_query(std::string index, std::string field, RangeBound::Op op, Value value, size_t limit) {
  QuerySpec spec;
  spec.source = QuerySpec::Source::kIndexRange;
  spec.table = "messages";
  spec.index = std::move(index);
  spec.range.push_back({op, std::move(field), std::move(value)});
  spec.operators.push_back({nullptr, limit});
  return spec;
}

void get(Side& side) {
  const TableInfo& table = side.lab.table("messages");
  Transaction tx(side.lab.engine().snapshot(), side.lab.options(false));
  const std::string id = built_id(table, side.pick(), side.documents).text();
  if (!must(tx.get(id, false, std::nullopt), "get")) fail("a document is missing");
}
void page(Side& side) {
  Transaction tx(side.lab.engine().snapshot(), side.lab.options(false));
  const auto from = static_cast<double>(side.random() % (side.documents - 50));
  if (consume(tx, range_query("by_rank", "rank", RangeBound::Op::kGte, Value::float64(from), 50)) != 50)
    fail("a page is short");
}
void scattered(Side& side) {
  Transaction tx(side.lab.engine().snapshot(), side.lab.options(false));
  const Value channel = Value::string(channel_of(side.pick()));
  if (consume(tx, range_query("by_channel", "channel", RangeBound::Op::kEq, channel, 50)) != 50)
    fail("a page is short");
}
void first(Side& side) {
  Transaction tx(side.lab.engine().snapshot(), side.lab.options(false));
  const Value channel = Value::string(channel_of(side.pick()));
  if (consume(tx, range_query("by_channel", "channel", RangeBound::Op::kEq, channel, 1)) != 1)
    fail("a channel is empty");
}

// Microseconds per call, over about `seconds`.
double cost(Side& side, void (*operation)(Side&), double seconds) {
  const int64_t start = now_ns();
  size_t calls = 0;
  do {
    for (int i = 0; i < 16; ++i) operation(side);
    calls += 16;
  } while (seconds_since(start) < seconds);
  return seconds_since(start) * 1e6 / static_cast<double>(calls);
}

struct InsertCost {
  double acknowledged, applied;
};
// Microseconds per insert of `count` by 64 writers. They are deleted again.
InsertCost insert(Side& side, uint64_t count) {
  side.lab.wait_until_applied();
  InsertWriters writers(side.lab, 64, 2, side.documents, count);
  const int64_t start = now_ns();
  writers.start();
  writers.stop();
  const double acknowledged = seconds_since(start);
  side.lab.wait_until_applied();
  const double applied = seconds_since(start);
  const std::vector<std::string> ids = writers.take_ids();
  side.lab.transact([&](Transaction& tx) {
    for (const std::string& id : ids) must(tx.remove(id, std::nullopt), "remove");
  });
  side.lab.wait_until_applied();
  const double per_insert = 1e6 / static_cast<double>(count);
  return {acknowledged * per_insert, applied * per_insert};
}

// So that the operating system has it in memory, as far as it has room.
void read_file(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) fail("cannot read " + path);
  std::vector<char> buffer(1 << 20);
  while (std::fread(buffer.data(), 1, buffer.size(), file) == buffer.size()) {
  }
  std::fclose(file);
}

}  // namespace

void sizes(const Arguments& arguments) {
  const auto cache = static_cast<size_t>(arguments.number("page_cache", 0));
  const std::array<std::string, 2> directories{arguments.text("small"), arguments.text("large")};
  std::array<Side, 2> sides{
      Side(directories[0], static_cast<uint64_t>(arguments.number("small_documents", 1e4)), cache),
      Side(directories[1], static_cast<uint64_t>(arguments.number("large_documents", 1e6)), cache)};
  for (const std::string& directory : directories) read_file(directory + "/hull.sqlite3");

  constexpr std::array<const char*, 2> kNames{"small", "large"};
  struct Operation {
    const char* name;
    void (*run)(Side&);
  };
  constexpr std::array<Operation, 4> kOperations{
      {{"get", get}, {"page_50", page}, {"page_50_scattered", scattered}, {"first", first}}};
  const auto rounds = static_cast<int>(arguments.number("rounds", 9));
  const double seconds = arguments.number("seconds", 0.2);
  Report report;
  auto add = [&](const std::string& name, std::array<std::vector<double>, 2>& costs) {
    for (size_t side = 0; side < 2; ++side) report.add(name + "_" + kNames[side], quantile(costs[side], 0.5));
  };
  for (const Operation& operation : kOperations) {
    std::array<std::vector<double>, 2> costs;
    for (Side& side : sides) cost(side, operation.run, 5 * seconds);
    for (int round = 0; round < rounds; ++round)
      for (size_t side = 0; side < 2; ++side)
        costs[side].push_back(cost(sides[side], operation.run, seconds));
    add(operation.name, costs);
  }
  std::array<std::vector<double>, 2> acknowledged, applied;
  const auto inserts = static_cast<uint64_t>(arguments.number("inserts", 4000));
  for (Side& side : sides) insert(side, inserts);
  for (int round = 0; round < rounds; ++round) {
    for (size_t side = 0; side < 2; ++side) {
      const InsertCost cost = insert(sides[side], inserts);
      acknowledged[side].push_back(cost.acknowledged);
      applied[side].push_back(cost.applied);
    }
  }
  add("insert", acknowledged);
  add("insert_applied", applied);
  report.print();
}

}  // namespace hull::bench
