// Work for many strands at once, from a thread that must not be held up: the publication of a commit that
// thousands of sockets watch. Posting to each strand would take a lock of the io_context per socket, which
// its threads contend for. Here the caller appends to one list, and the I/O threads take batches of it and
// run them on their strands in place. One per io_context. Thread-safe.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <deque>
#include <functional>
#include <mutex>

namespace hull {

class WakeQueue final : public boost::asio::execution_context::service {
 public:
  static boost::asio::execution_context::id id;
  explicit WakeQueue(boost::asio::execution_context& context);
  // Of the io_context that `executor` belongs to.
  static WakeQueue& of(const boost::asio::any_io_executor& executor);

  // Runs `work` on `strand`, in no particular order with what was posted there.
  void add(boost::asio::any_io_executor strand, std::function<void()> work);

 private:
  struct Item {
    boost::asio::any_io_executor strand;
    std::function<void()> work;
  };
  void shutdown() noexcept override;
  void drain();

  boost::asio::io_context& context_;
  std::mutex mutex_;
  std::deque<Item> items_;
  bool draining_ = false;  // a drain() is posted that will look at the list again
};

}  // namespace hull
