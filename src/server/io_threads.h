// The I/O threads: an Asio io_context, the threads that run it and its timers. Handlers must never block.
// Include only from the Beast adapters: it pulls in Asio.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <thread>
#include <vector>

#include "server/io_timers.h"

namespace hull {

class IoThreads final : public IoTimers {
 public:
  explicit IoThreads(size_t threads);
  ~IoThreads() override;

  boost::asio::io_context& context() { return context_; }
  std::shared_ptr<void> after(std::chrono::milliseconds delay, std::function<void()> fire) override;
  // Stops the loops and joins; what is still queued is dropped when this object is destroyed.
  void stop();

 private:
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::vector<std::thread> threads_;
};

}  // namespace hull
