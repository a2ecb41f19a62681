// Client: runs random transactions against a simulated engine the way the function runner does (snapshot,
// operations, commit, retries in turn) and writes down every answer in the History. Each client is one fiber.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "database/transaction.h"
#include "simulation/history.h"
#include "simulation/random_data.h"
#include "simulation/recording_engine.h"
#include "simulation/sim_env.h"

namespace hull::simulation {

// What the fibers of one run share. Fibers come and go; the world stays over restarts.
struct World {
  SimEnv& env;
  History& history;
  RecordingEngine* engine = nullptr;
  Knobs knobs;
  bool stopping = false;
  size_t running = 0;  // clients that have not finished
  bool take_turns = true;
  std::map<std::string, std::vector<std::string>> ids;  // per table, of documents that were committed once
  // Pages that may be read again or continued.
  struct KnownPage {
    std::string table;
    RandomQuery query;
    std::optional<std::string> cursor, end_cursor;
    std::shared_ptr<PagePosition> after, end;
  };
  std::vector<KnownPage> pages;
  uint64_t aborted = 0, gave_up = 0, longest_queue = 0;

  Transaction::Options options(bool writable, TableAccess access) const;
};

// One attempt at a transaction: its answers and its own writes.
class Attempt {
 public:
  Attempt(World& world, SimRandom& random, SnapshotPtr snapshot, bool writable,
          TableAccess access = TableAccess::kUser);

  Transaction& tx() { return tx_; }
  // One random operation. False: the store failed and the attempt must be given up.
  bool step();
  // A random query on a random table, consumed in part or whole. Null if it could not be asked.
  std::shared_ptr<Observation> query();

  bool get();
  bool count();
  bool page();
  bool insert();
  bool change();
  bool append();

  History::Attempt finish();
  std::vector<std::pair<std::string, std::string>> inserted;  // table, id
  std::vector<World::KnownPage> new_pages;

 private:
  std::string random_table();
  std::optional<std::string> random_id(std::string& table);
  TabletId resolve(const std::string& table);
  Observation& observe(Observation::Kind kind, std::string what);
  void write(const ModelKey& key, std::optional<Value> value);
  // True if the operation may go on after this error, false if the attempt is over.
  bool tolerate(const Error& error, const std::string& what);
  bool expect_document(const std::string& id, const DocumentPtr& document, const std::string& what);
  void nested();

  World& world_;
  SimRandom& random_;
  RandomData data_;
  Transaction tx_;
  const bool writable_;
  std::shared_ptr<const ModelWrites> own_ = std::make_shared<ModelWrites>();
  std::vector<std::shared_ptr<const ModelWrites>> outer_;
  History::Attempt record_;
  bool paginated_ = false;
  bool own_tables_ = false;
};

// Runs `body` in a transaction and commits it, up to five attempts. Returns the timestamp if it committed.
std::optional<Timestamp> run_mutation(World& world, SimRandom& random, const std::string& source,
                                      TableAccess access, const std::function<bool(Attempt&)>& body);

void run_client(World& world, SimRandom random, size_t transactions);

}  // namespace hull::simulation
