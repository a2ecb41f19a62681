// The table of "messages" of a given size, made once and kept, and opening it.
#include <filesystem>
#include <fstream>
#include <semaphore>

#include "base/time.h"
#include "database/document_rules.h"
#include "engine_commands.h"
#include "engine_table.h"

namespace hull::bench {
namespace {

constexpr uint64_t kBatch = 8000;
constexpr double kFirstCreationTime = 1.75e12;

CommitRequest batch(Engine& engine, const TableInfo& table, uint64_t from, uint64_t to, uint64_t documents) {
  CommitRequest request;
  request.source = "bench:build";
  request.writes.reserve(to - from);
  for (uint64_t i = from; i < to; ++i) {
    const DocumentId id = built_id(table, i, documents);
    Value value =
        must(make_document(id, kFirstCreationTime + static_cast<double>(i), message(i)), "document");
    request.writes.push_back(
        {table.tablet, id, nullptr,
         std::make_shared<Document>(Document{id, table.tablet, Timestamp{}, std::move(value)})});
  }
  request.snapshot = engine.latest();
  return request;
}

uint64_t bytes_below(const std::string& directory) {
  uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory))
    if (entry.is_regular_file()) bytes += entry.file_size();
  return bytes;
}

void build(const std::string& directory, uint64_t documents) {
  Lab lab(directory);
  lab.create_messages(true);
  const TableInfo table = lab.table("messages");
  std::counting_semaphore<> room(4);
  for (uint64_t from = 0; from < documents; from += kBatch) {
    CommitRequest request = batch(lab.engine(), table, from, std::min(from + kBatch, documents), documents);
    room.acquire();
    lab.engine().submit(std::move(request), [&](CommitOutcome outcome) {
      if (!outcome.ts) fail(outcome.error ? outcome.error->message : "conflict");
      room.release();
    });
  }
  for (int i = 0; i < 4; ++i) room.acquire();
  lab.wait_until_applied();
}

}  // namespace

DocumentId built_id(const TableInfo& table, uint64_t i, uint64_t documents) {
  DocumentId id{table.number, {}};
  const uint64_t high = i * (UINT64_MAX / documents), low = i * 0x9e3779b97f4a7c15;
  for (size_t byte = 0; byte < 8; ++byte) {
    id.internal.bytes[byte] = static_cast<uint8_t>(high >> (56 - 8 * byte));
    id.internal.bytes[8 + byte] = static_cast<uint8_t>(low >> (56 - 8 * byte));
  }
  return id;
}

void prepare(const Arguments& arguments) {
  const std::string directory = arguments.text("dir");
  const auto documents = static_cast<uint64_t>(arguments.number("documents", 10000));
  // Present once a build of exactly this size has ended.
  const std::string marker = directory + "/built-" + std::to_string(documents);
  double seconds = 0, peak_mib = 0;
  if (std::ifstream built(marker); !(built >> seconds >> peak_mib)) {
    std::filesystem::remove_all(directory);
    const int64_t start = now_ns();
    build(directory, documents);
    seconds = seconds_since(start);
    peak_mib = peak_resident_mib();
    std::ofstream(marker) << seconds << " " << peak_mib << "\n";
  }
  Report()
      .add("documents", static_cast<double>(documents))
      .add("seconds", seconds)
      .add("peak_mib", peak_mib)
      .add("mib", static_cast<double>(bytes_below(directory)) / 1048576)
      .add("state_mib",
           static_cast<double>(std::filesystem::file_size(directory + "/hull.sqlite3")) / 1048576)
      .print();
}

void open_store(const Arguments& arguments) {
  const double bare_mib = resident_mib();
  const int64_t start = now_ns();
  Lab lab(arguments.text("dir"));
  lab.table("messages");
  const double millis = seconds_since(start) * 1e3;
  Report().add("ms", millis).add("mib", resident_mib()).add("bare_mib", bare_mib).print();
}

}  // namespace hull::bench
