#include "simulation/client.h"

#include <algorithm>
#include <utility>

#include "value/json.h"

namespace hull::simulation {
namespace {

const InstanceSecret& secret() {
  static const InstanceSecret secret = *InstanceSecret::from_hex(std::string(64, 'a'));
  return secret;
}

constexpr size_t kAttempts = 5;

ModelKey key_of_document(const DocumentPtr& document) { return {document->tablet, document->id.internal}; }

// What the document must be after a patch, by the definition of patching.
Value patched(ValueView document, ValueView patch) {
  ValueBuilder out;
  out.begin_object();
  for (size_t i = 0; i < document.count(); ++i) {
    auto [name, value] = document.field(i);
    if (!patch.find(name)) out.key(name).value(value);
  }
  for (size_t i = 0; i < patch.count(); ++i) {
    auto [name, value] = patch.field(i);
    if (!value.is_undefined()) out.key(name).value(value);
  }
  out.end();
  return out.finish();
}

Value with_system_fields(ValueView value, ValueView document) {
  ValueBuilder out;
  out.begin_object();
  for (size_t i = 0; i < value.count(); ++i) out.key(value.field(i).first).value(value.field(i).second);
  for (const char* name : {"_id", "_creationTime"})
    if (auto field = document.find(name)) out.key(name).value(*field);
  out.end();
  return out.finish();
}

}  // namespace

Transaction::Options World::options(bool writable, TableAccess access) const {
  Transaction::Options options;
  options.access = access;
  options.writable = writable;
  options.knobs = &knobs;
  options.cursors = {&secret(), "simulation"};
  options.now_ms = env.unix_millis();
  return options;
}

Attempt::Attempt(World& world, SimRandom& random, SnapshotPtr snapshot, bool writable, TableAccess access)
    : world_(world),
      random_(random),
      data_(random),
      tx_(std::move(snapshot), world.options(writable, access)),
      writable_(writable) {
  record_.snapshot = tx_.snapshot()->ts();
}

std::string Attempt::random_table() { return "t" + std::to_string(random_.below(3)); }

Observation& Attempt::observe(Observation::Kind kind, std::string what) {
  Observation& observation = record_.observations.emplace_back();
  observation.kind = kind;
  observation.what = std::move(what);
  observation.own = own_;
  return observation;
}

void Attempt::write(const ModelKey& key, std::optional<Value> value) {
  auto next = std::make_shared<ModelWrites>(*own_);
  (*next)[key] = std::move(value);
  own_ = std::move(next);
}

TabletId Attempt::resolve(const std::string& table) {
  const TableInfo* info = tx_.catalog().table(table);
  const TabletId tablet = info ? info->tablet : TabletId{};
  // What this transaction itself created is not in the model.
  if (own_tables_) return tablet;
  Observation& observation = observe(Observation::Kind::kTable, "table " + table);
  observation.table = table;
  observation.tablet = tablet;
  return tablet;
}

std::optional<std::string> Attempt::random_id(std::string& table) {
  table = random_table();
  auto& known = world_.ids[table];
  if (known.empty()) return std::nullopt;
  // Mostly the newest: they are alive.
  const size_t back = static_cast<size_t>(random_.magnitude(static_cast<int64_t>(known.size())));
  return known[known.size() - std::clamp<size_t>(back, 1, known.size())];
}

bool Attempt::tolerate(const Error& error, const std::string& what) {
  if (error.kind == ErrorKind::kOutOfRetention || error.kind == ErrorKind::kInternal ||
      error.kind == ErrorKind::kOverloaded)
    return false;
  static const std::vector<std::string> kExpected = {
      "NonexistentDocument", "InvalidArgument", "SchemaEnforcementError",
      "IndexNotFoundError",  "InvalidCursor",   "MultiplePaginatedDatabaseQueries",
      "IndexNotReady"};
  if (std::find(kExpected.begin(), kExpected.end(), error.code) == kExpected.end() && !error.data_json)
    world_.history.fail(what + " failed with " + error.code + ": " + error.message);
  return true;
}

bool Attempt::expect_document(const std::string& id, const DocumentPtr& document, const std::string& what) {
  auto parsed = DocumentId::parse(id);
  if (!parsed.ok()) return true;
  // The table as the id names it.
  const TableInfo* info = tx_.catalog().table(parsed->table);
  Observation& observation = observe(Observation::Kind::kDocument, what + " " + id);
  observation.key = {info ? info->tablet : TabletId{}, parsed->internal};
  if (document) observation.documents.push_back(document->value);
  return true;
}

bool Attempt::get() {
  std::string table;
  auto id = random_id(table);
  if (!id) return true;
  if (random_.chance(0.1)) {
    DocumentId absent = *DocumentId::parse(*id);
    absent.internal.bytes[3] ^= 1;
    id = absent.text();
  }
  auto document = tx_.get(*id, false, std::nullopt);
  if (!document.ok()) return tolerate(document.error(), "get");
  return expect_document(*id, *document, "get");
}

bool Attempt::count() {
  const std::string table = random_table();
  auto count = tx_.count(table);
  if (!count.ok()) return tolerate(count.error(), "count");
  const TabletId tablet = resolve(table);
  Observation& observation = observe(Observation::Kind::kCount, "count of " + table);
  observation.query.tablet = tablet;
  observation.count = *count;
  return true;
}

std::shared_ptr<Observation> Attempt::query() {
  const std::string table = random_table();
  const TableInfo* info = tx_.catalog().table(table);
  std::string index = "by_creation_time";
  std::vector<std::string> fields = {"_creationTime"};
  if (info) {
    const auto& chosen = info->indexes[random_.below(info->indexes.size())];
    if (chosen->state == IndexState::kEnabled) {
      index = chosen->name;
      fields = chosen->fields;
    }
  }
  RandomQuery random_query = data_.query(table, index, fields, false);
  if (!info && random_query.json.find("FullTableScan") == std::string::npos) return nullptr;
  auto spec = QuerySpec::parse(random_query.json, "queryStream");
  if (!spec.ok()) {
    world_.history.fail("query " + random_query.json + " is refused: " + spec.error().message);
    return nullptr;
  }
  auto stream = tx_.query(*spec, false);
  if (!stream.ok()) {
    tolerate(stream.error(), "query " + random_query.json);
    return nullptr;
  }
  const size_t wanted = random_.chance(0.3) ? random_.below(5) : SIZE_MAX;
  std::vector<Value> documents;
  bool ended = false;
  while (documents.size() < wanted) {
    if (random_.chance(0.1)) {
      if (auto peeked = (*stream)->peek(1 + random_.below(4)); !peeked.ok()) return nullptr;
    }
    auto next = (*stream)->next();
    if (!next.ok()) {
      tolerate(next.error(), "next of " + random_query.json);
      return nullptr;
    }
    if (!*next) {
      ended = true;
      break;
    }
    documents.push_back((*next)->value);
  }
  world_.env.note("query at " + std::to_string(record_.snapshot.ns) + " gives " +
                  std::to_string(documents.size()) + " documents: " + random_query.json);
  const TabletId tablet = resolve(table);
  Observation& observation = observe(Observation::Kind::kRows, "query " + random_query.json);
  observation.query = std::move(random_query.model);
  observation.query.tablet = tablet;
  observation.limit = ended ? random_query.limit : documents.size();
  observation.documents = std::move(documents);
  return std::make_shared<Observation>(observation);
}

bool Attempt::page() {
  if (std::exchange(paginated_, true)) return true;
  World::KnownPage page;
  bool again = false;
  if (!world_.pages.empty() && random_.chance(0.7)) {
    page = world_.pages[random_.below(world_.pages.size())];
    again = random_.chance(0.5);
    if (!again) {
      if (page.end->known && !page.end->at) return true;
      page.cursor = std::exchange(page.end_cursor, std::nullopt);
      page.after = std::exchange(page.end, nullptr);
    }
  } else {
    page.table = random_table();
    const TableInfo* info = tx_.catalog().table(page.table);
    if (!info) return true;
    const auto& index = info->indexes[random_.below(info->indexes.size())];
    if (index->state != IndexState::kEnabled) return true;
    page.query = data_.query(page.table, index->name, index->fields, true);
  }
  // A cursor of an index that was defined anew in the meantime is refused or means the same fields.
  const TableInfo* info = tx_.catalog().table(page.table);
  auto index = info ? info->find_index(page.query.index) : nullptr;
  if (!index || index->state != IndexState::kEnabled || index->fields != page.query.model.fields) return true;

  PageSpec spec;
  auto query = QuerySpec::parse(page.query.json, "queryPage");
  if (!query.ok()) {
    world_.history.fail("query " + page.query.json + " is refused: " + query.error().message);
    return true;
  }
  spec.query = std::move(*query);
  spec.cursor = page.cursor;
  spec.page_size = 1 + random_.below(5);
  if (random_.chance(0.3)) spec.maximum_rows_read = 1 + random_.below(5);
  std::optional<std::string> journal;
  if (again) (random_.chance(0.5) ? spec.end_cursor : journal) = page.end_cursor;
  auto result = tx_.paginate(spec, journal ? std::optional<std::string_view>(*journal) : std::nullopt);
  if (!result.ok()) return tolerate(result.error(), "page of " + page.query.json);

  const TabletId tablet = resolve(page.table);
  Observation& observation = observe(Observation::Kind::kPage, "page of " + page.query.json);
  observation.query = page.query.model;
  observation.query.tablet = tablet;
  observation.after = page.after;
  observation.page_size = spec.page_size;
  observation.max_consumed = spec.maximum_rows_read.value_or(SIZE_MAX);
  for (const DocumentPtr& document : result->documents) observation.documents.push_back(document->value);
  observation.is_done = result->is_done;
  if (again) {
    observation.until = page.end;
    if (result->continue_cursor != page.end_cursor)
      world_.history.fail("a page that was read again ends elsewhere: " + observation.what);
  } else {
    observation.end = std::make_shared<PagePosition>();
    page.end = observation.end;
    page.end_cursor = result->continue_cursor;
    new_pages.push_back(std::move(page));
  }
  return true;
}

bool Attempt::insert() {
  const std::string table = random_table();
  const bool created = !tx_.catalog().table(table);
  if (!created) resolve(table);
  Value value = data_.document(true);
  auto id = tx_.insert(table, value);
  if (!id.ok()) return tolerate(id.error(), "insert");
  own_tables_ = own_tables_ || created;
  auto document = tx_.get(id->text(), false, std::nullopt);
  if (!document.ok()) return tolerate(document.error(), "get");
  if (!*document || !equal((*document)->value, with_system_fields(value, (*document)->value)) ||
      (*document)->value.view().find("_id")->as_string() != id->text())
    world_.history.fail("an inserted document is not what was inserted: " + to_json(value));
  if (!*document) return true;
  write(key_of_document(*document), (*document)->value);
  inserted.emplace_back(table, id->text());
  return true;
}

bool Attempt::change() {
  std::string table;
  auto id = random_id(table);
  if (!inserted.empty() && random_.chance(0.2)) id = inserted.back().second;
  if (!id) return insert();
  auto before = tx_.get(*id, false, std::nullopt);
  if (!before.ok()) return tolerate(before.error(), "get");
  expect_document(*id, *before, "get before a change of");
  Result<DocumentPtr> changed = DocumentPtr();
  std::optional<Value> expected;
  const size_t kind = random_.below(3);
  if (kind == 0) {
    Value patch = data_.patch();
    if (*before) expected = patched((*before)->value, patch);
    changed = tx_.patch(*id, patch, std::nullopt);
  } else if (kind == 1) {
    Value value = data_.document(true);
    if (*before) expected = with_system_fields(value, (*before)->value);
    changed = tx_.replace(*id, value, std::nullopt);
  } else {
    changed = tx_.remove(*id, std::nullopt);
  }
  if (!changed.ok()) {
    if (*before && changed.error().code == "NonexistentDocument")
      world_.history.fail("a document that get() shows cannot be changed: " + *id);
    return tolerate(changed.error(), "change");
  }
  if (!*before) {
    world_.history.fail("a document that get() does not show was changed: " + *id);
    return true;
  }
  if (expected && !equal((*changed)->value, *expected))
    world_.history.fail("a change made " + to_json((*changed)->value) + " instead of " + to_json(*expected));
  if (!expected || !equal((*before)->value, *expected)) write(key_of_document(*before), expected);
  return true;
}

// The "list append" transaction: reads a document's list and adds a value that nobody else adds.
bool Attempt::append() {
  std::string table;
  auto id = random_id(table);
  if (!id) return insert();
  auto before = tx_.get(*id, false, std::nullopt);
  if (!before.ok()) return tolerate(before.error(), "get");
  expect_document(*id, *before, "get of the list of");
  if (!*before) return true;
  ValueBuilder patch;
  patch.begin_object().key("list").begin_array();
  if (auto list = (*before)->value.view().find("list"); list && list->is_array()) {
    const size_t first = list->count() > 20 ? list->count() - 20 : 0;
    for (size_t i = first; i < list->count(); ++i) patch.value(list->element(i));
  }
  patch.int64(static_cast<int64_t>(RandomData::next_unique())).end().end();
  auto changed = tx_.patch(*id, patch.finish(), std::nullopt);
  if (!changed.ok()) return tolerate(changed.error(), "append");
  write(key_of_document(*changed), (*changed)->value);
  return true;
}

void Attempt::nested() {
  if (outer_.empty() || (outer_.size() < 3 && random_.chance(0.4))) {
    tx_.begin_nested();
    outer_.push_back(own_);
    return;
  }
  if (random_.chance(0.5)) {
    tx_.commit_nested();
  } else {
    tx_.rollback_nested();
    own_ = outer_.back();
    // Their ids exist no more.
    std::erase_if(inserted, [&](const auto& entry) {
      auto id = DocumentId::parse(entry.second);
      return std::none_of(own_->begin(), own_->end(),
                          [&](const auto& write) { return write.first.id == id->internal; });
    });
  }
  outer_.pop_back();
}

bool Attempt::step() {
  world_.env.pause("client.operation");
  if (random_.chance(0.02)) world_.env.sleep(random_.magnitude(3'000'000'000));
  if (writable_) {
    if (random_.chance(0.1)) nested();
    switch (random_.below(10)) {
      case 0:
      case 1:
        return insert();
      case 2:
      case 3:
      case 4:
        return change();
      case 5:
        return append();
      default:
        break;
    }
  }
  switch (random_.below(8)) {
    case 0:
    case 1:
      return get();
    case 2:
      return count();
    case 3:
      return page();
    default:
      query();
      return true;
  }
}

History::Attempt Attempt::finish() {
  while (!outer_.empty()) {
    tx_.commit_nested();
    outer_.pop_back();
  }
  return std::move(record_);
}

std::optional<Timestamp> run_mutation(World& world, SimRandom& random, const std::string& source,
                                      TableAccess access, const std::function<bool(Attempt&)>& body) {
  std::shared_ptr<Turn> turn;
  for (size_t attempt = 0; attempt < kAttempts && !world.stopping; ++attempt) {
    Attempt run(world, random, world.engine->snapshot(), true, access);
    const bool complete = body(run) && run.tx().finish().ok();
    History::Attempt record = run.finish();
    if (!complete || !run.tx().has_writes()) {
      world.aborted += !complete;
      world.history.add(std::move(record));
      return std::nullopt;
    }
    CommitRequest request = run.tx().commit_request(source);
    request.queues = world.take_turns;
    request.turn = turn;
    struct Waiting {
      std::shared_ptr<Event> answered;
      CommitOutcome outcome;
    };
    auto waiting = std::make_shared<Waiting>();
    waiting->answered = world.env.make_event();
    record.commit = world.engine->submit_recorded(std::move(request), [waiting](CommitOutcome outcome) {
      waiting->outcome = std::move(outcome);
      waiting->answered->notify();
    });
    const auto committing = record.commit;
    world.history.add(std::move(record));
    waiting->answered->wait();
    CommitOutcome& outcome = waiting->outcome;
    if (outcome.ts) {
      if (world.env.traces())
        world.env.note("committed at " + std::to_string(outcome.ts->ns) + describe(committing->writes));
      for (auto& [table, id] : run.inserted) world.ids[table].push_back(std::move(id));
      for (auto& page : run.new_pages) world.pages.push_back(std::move(page));
      return outcome.ts;
    }
    turn = nullptr;
    if (outcome.error) {
      if (outcome.error->kind != ErrorKind::kOutOfRetention) {
        world.env.sleep(random.magnitude(500'000'000));
        return std::nullopt;
      }
      continue;
    }
    auto ready = world.env.make_event();
    if ((turn = outcome.conflict->turn)) {
      turn->when_ready([ready] { ready->notify(); });
    } else {
      world.engine->when_published(outcome.conflict->conflicting, [ready] { ready->notify(); });
    }
    ready->wait();
  }
  ++world.gave_up;
  return std::nullopt;
}

void run_client(World& world, SimRandom random, size_t transactions) {
  for (size_t i = 0; i < transactions && !world.stopping; ++i) {
    world.env.sleep(random.magnitude(200'000'000));
    const size_t steps = 1 + random.below(6);
    if (random.chance(0.6)) {
      run_mutation(world, random, "client", TableAccess::kUser, [&](Attempt& attempt) {
        for (size_t step = 0; step < steps; ++step)
          if (world.stopping || !attempt.step()) return false;
        return true;
      });
      continue;
    }
    SnapshotPtr snapshot = world.engine->snapshot();
    if (random.chance(0.3)) {
      auto older = world.engine->snapshot_at(Timestamp{snapshot->ts().ns - random.magnitude(5'000'000'000)});
      if (older.ok())
        snapshot = *older;
      else if (older.error().kind != ErrorKind::kOutOfRetention)
        world.history.fail("snapshot_at failed: " + older.error().message);
    }
    Attempt attempt(world, random, std::move(snapshot), false);
    for (size_t step = 0; step < steps && !world.stopping; ++step)
      if (!attempt.step()) break;
    world.history.add(attempt.finish());
    for (auto& page : attempt.new_pages) world.pages.push_back(std::move(page));
  }
  --world.running;
}

}  // namespace hull::simulation
