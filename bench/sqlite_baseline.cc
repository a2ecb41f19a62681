// Baseline: durable inserts per second of raw SQLite (WAL, synchronous=FULL) for a given time.
//   bench_sqlite <file> <seconds> [rows per transaction = 1] [bytes per row = 120]     prints inserts per
//   second
#include <sqlite3.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

void check(int rc, sqlite3* db) {
  if (rc != SQLITE_OK && rc != SQLITE_DONE && rc != SQLITE_ROW) {
    std::fprintf(stderr, "sqlite: %s\n", sqlite3_errmsg(db));
    std::exit(1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || argc > 5) return 2;
  const long rows = argc > 3 ? std::atol(argv[3]) : 1;
  const std::string body(argc > 4 ? std::strtoul(argv[4], nullptr, 10) : 120, 'x');
  sqlite3* db = nullptr;
  check(sqlite3_open(argv[1], &db), db);
  check(sqlite3_exec(db,
                     "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE IF NOT EXISTS rows(id "
                     "INTEGER PRIMARY KEY, body BLOB)",
                     nullptr, nullptr, nullptr),
        db);
  sqlite3_stmt* insert = nullptr;
  check(sqlite3_prepare_v2(db, "INSERT INTO rows(body) VALUES(?)", -1, &insert, nullptr), db);
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const auto end = start + std::chrono::duration<double>(std::atof(argv[2]));
  long count = 0;
  while (Clock::now() < end) {
    if (rows > 1) check(sqlite3_exec(db, "BEGIN", nullptr, nullptr, nullptr), db);
    for (long row = 0; row < rows; ++row) {
      check(sqlite3_bind_blob(insert, 1, body.data(), static_cast<int>(body.size()), SQLITE_STATIC), db);
      check(sqlite3_step(insert), db);
      check(sqlite3_reset(insert), db);
    }
    if (rows > 1) check(sqlite3_exec(db, "COMMIT", nullptr, nullptr, nullptr), db);
    count += rows;
  }
  std::printf("%.1f\n",
              static_cast<double>(count) / std::chrono::duration<double>(Clock::now() - start).count());
  sqlite3_finalize(insert);
  sqlite3_close(db);
}
