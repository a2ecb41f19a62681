#include "server/sync_admission.h"

#include <algorithm>
#include <utility>

namespace hull {

std::shared_ptr<void> SyncAdmission::enter(size_t queries, std::function<void()> admitted) {
  Tickets::iterator ticket;
  std::vector<std::function<void()>> turns;
  {
    std::lock_guard lock(mutex_);
    ticket = waiting_.insert(waiting_.end(), {std::min(queries, capacity_), std::move(admitted)});
    turns = admit_locked();
  }
  for (auto& turn : turns) turn();
  return {this, [ticket](SyncAdmission* self) { self->leave(ticket); }};
}

void SyncAdmission::leave(Tickets::iterator ticket) {
  std::vector<std::function<void()>> turns;
  {
    std::lock_guard lock(mutex_);
    if (ticket->admitted) {
      waiting_.erase(ticket);
    } else {
      free_ += ticket->queries;
      inside_.erase(ticket);
    }
    turns = admit_locked();
  }
  for (auto& turn : turns) turn();
}

std::vector<std::function<void()>> SyncAdmission::admit_locked() {
  std::vector<std::function<void()>> turns;
  while (!waiting_.empty() && waiting_.front().queries <= free_) {
    Ticket& next = waiting_.front();
    free_ -= next.queries;
    turns.push_back(std::exchange(next.admitted, nullptr));
    inside_.splice(inside_.end(), waiting_, waiting_.begin());
  }
  return turns;
}

}  // namespace hull
