// The door for reconnect storms (sync-protocol.md §11.4): sockets run their initial query sets a few at a
// time, in the order in which they asked.
//
// After a restart or a network failure thousands of sockets ask for all their queries within a second. If all
// ran at once, every one of them would be finished last; admitted one after another, the first ones are done
// at once and the queue of the workers stays short. What a socket takes up is the number of queries it runs
// at a time; sets whose results are cached pass in no time. A place is given back when the first Transition
// was sent, when the socket is gone, after kQueriesPerStay results and after kMaxStay: neither large query
// sets nor slow queries keep the door shut. What such sockets still have to run then takes turns with
// everybody else.
//
// Thread-safe. Outlives the tickets.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

namespace hull {

class SyncAdmission {
 public:
  static constexpr size_t kQueries = 64;  // that admitted sockets may run at a time: enough for every worker
  static constexpr size_t kQueriesPerStay = 100;
  static constexpr std::chrono::milliseconds kMaxStay{5000};

  explicit SyncAdmission(size_t queries = kQueries) : free_(queries), capacity_(queries) {}

  // Takes a place for `queries` queries (at most all of them). `admitted` is called once, when it is this
  // one's turn: before this returns, or on the thread of somebody who leaves; it must only post. Destroying
  // the ticket gives the place back, or gives up waiting.
  std::shared_ptr<void> enter(size_t queries, std::function<void()> admitted);

 private:
  struct Ticket {
    size_t queries = 0;
    std::function<void()> admitted;  // null once called
  };
  using Tickets = std::list<Ticket>;

  void leave(Tickets::iterator ticket);
  // Those whose turn it is now; the caller calls them without the lock.
  std::vector<std::function<void()>> admit_locked();

  std::mutex mutex_;
  size_t free_;
  const size_t capacity_;
  Tickets waiting_, inside_;
};

}  // namespace hull
