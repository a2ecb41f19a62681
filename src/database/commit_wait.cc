#include "database/commit_wait.h"

#include <memory>

namespace hull {

CommitOutcome commit_and_wait(Engine& engine, CommitRequest request) {
  // Shared, since the callback may still be running when this function returns.
  struct Waiting {
    std::shared_ptr<Event> answered;
    CommitOutcome outcome;
  };
  auto waiting = std::make_shared<Waiting>();
  waiting->answered = engine.env().make_event();
  engine.submit(std::move(request), [waiting](CommitOutcome outcome) {
    waiting->outcome = std::move(outcome);
    waiting->answered->notify();
  });
  waiting->answered->wait();
  return std::move(waiting->outcome);
}

void wait_until_published(Engine& engine, Timestamp ts) {
  std::shared_ptr<Event> published = engine.env().make_event();
  engine.when_published(ts, [published] { published->notify(); });
  published->wait();
}

}  // namespace hull
