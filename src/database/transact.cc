#include "database/transact.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <thread>

#include "base/random.h"

namespace hull {
namespace {

CommitOutcome commit_and_wait(Engine& engine, CommitRequest request) {
  auto promise = std::make_shared<std::promise<CommitOutcome>>();
  auto future = promise->get_future();
  engine.submit(std::move(request),
                [promise](CommitOutcome outcome) { promise->set_value(std::move(outcome)); });
  return future.get();
}

void wait_until_published(Engine& engine, Timestamp ts) {
  auto promise = std::make_shared<std::promise<void>>();
  auto future = promise->get_future();
  engine.when_published(ts, [promise] { promise->set_value(); });
  future.get();
}

// Full jitter below an exponentially growing bound.
void back_off(const Knobs& knobs, int attempt) {
  double bound_ms = std::min(knobs.occ_max_backoff_ms, 5.0 * (1 << std::min(attempt, 10)));
  double share = static_cast<double>(random_u64() % 1000) / 1000;
  std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(bound_ms * share));
}

}  // namespace

Transaction::Options system_transaction_options(const Knobs& knobs, bool writable) {
  Transaction::Options options;
  options.access = TableAccess::kSystem;
  options.writable = writable;
  options.knobs = &knobs;
  options.now_ms = unix_millis();
  return options;
}

Result<TransactResult> transact(Engine& engine, const Knobs& knobs, const std::string& source,
                                const std::function<Result<void>(Transaction&)>& body, int max_retries,
                                OccConflict* last_conflict) {
  for (int attempt = 0;; ++attempt) {
    CommitRequest request;
    {
      Transaction transaction(engine.snapshot(), system_transaction_options(knobs, true));
      HULL_CHECK_OK(body(transaction));
      HULL_CHECK_OK(transaction.finish());
      if (!transaction.has_writes()) return TransactResult{transaction.snapshot()->ts()};
      request = transaction.commit_request(source);
    }
    CommitOutcome outcome = commit_and_wait(engine, std::move(request));
    if (outcome.ts) {
      wait_until_published(engine, *outcome.ts);
      return TransactResult{*outcome.ts};
    }
    if (outcome.error) return std::move(*outcome.error);
    if (attempt >= max_retries) {
      if (last_conflict && outcome.conflict) *last_conflict = *outcome.conflict;
      return Error{ErrorKind::kOcc, "OptimisticConcurrencyControlFailure",
                   "Data read or written by " + source + " changed while it was being run. Try again.",
                   std::nullopt};
    }
    if (outcome.conflict) wait_until_published(engine, outcome.conflict->conflicting);
    back_off(knobs, attempt);
  }
}

}  // namespace hull
