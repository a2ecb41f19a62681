#include "database/transact.h"

#include <algorithm>

#include "base/random.h"
#include "database/commit_wait.h"

namespace hull {
namespace {

// Full jitter below an exponentially growing bound.
void back_off(Env& env, const Knobs& knobs, int attempt) {
  const double bound_ms = std::min(knobs.occ_max_backoff_ms, 5.0 * (1 << std::min(attempt, 10)));
  const double share = static_cast<double>(random_u64() % 1000) / 1000;
  env.make_event()->wait_until(env.monotonic_nanos() + static_cast<int64_t>(bound_ms * share * 1e6));
}

Transaction::Options options_at(Env& env, const Knobs& knobs) {
  Transaction::Options options = system_transaction_options(knobs, true);
  options.now_ms = env.unix_millis();
  return options;
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
      Transaction transaction(engine.snapshot(), options_at(engine.env(), knobs));
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
    back_off(engine.env(), knobs, attempt);
  }
}

}  // namespace hull
