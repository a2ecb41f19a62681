#include "database/transact_async.h"

#include <memory>
#include <utility>

#include "database/transact.h"

namespace hull {
namespace {

void attempt(const std::shared_ptr<AsyncTransaction>& asked) {
  Engine& engine = *asked->engine;
  engine.env().pause("transact.attempt");
  CommitRequest request;
  {
    Transaction::Options options = system_transaction_options(*asked->knobs, true);
    options.now_ms = engine.env().unix_millis();
    Transaction transaction(engine.snapshot(), options);
    auto wanted = asked->body(transaction);
    if (!wanted.ok() || !*wanted || !transaction.has_writes()) return asked->done(std::move(wanted));
    if (auto finished = transaction.finish(); !finished.ok()) return asked->done(finished.error());
    request = transaction.commit_request(asked->source);
  }
  engine.submit(std::move(request), [asked](CommitOutcome outcome) {
    if (outcome.ts) return asked->done(true);
    if (outcome.error) return asked->done(*std::move(outcome.error));
    asked->engine->when_published(outcome.conflict->conflicting,
                                  [asked] { asked->run([asked] { attempt(asked); }); });
  });
}

}  // namespace

void transact_async(AsyncTransaction transaction) {
  auto asked = std::make_shared<AsyncTransaction>(std::move(transaction));
  asked->run([asked] { attempt(asked); });
}

}  // namespace hull
