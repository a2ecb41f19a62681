#include "server/wake_queue.h"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <vector>

namespace hull {
namespace asio = boost::asio;
namespace {

constexpr size_t kBatch = 32;

}  // namespace

asio::execution_context::id WakeQueue::id;

WakeQueue::WakeQueue(asio::execution_context& context)
    : service(context), context_(static_cast<asio::io_context&>(context)) {}

WakeQueue& WakeQueue::of(const asio::any_io_executor& executor) {
  auto& context = static_cast<asio::io_context&>(asio::query(executor, asio::execution::context));
  return asio::use_service<WakeQueue>(context);
}

void WakeQueue::shutdown() noexcept {
  std::deque<Item> dropped;
  std::lock_guard lock(mutex_);
  dropped.swap(items_);
}

void WakeQueue::add(asio::any_io_executor strand, std::function<void()> work) {
  std::lock_guard lock(mutex_);
  items_.push_back({std::move(strand), std::move(work)});
  if (std::exchange(draining_, true)) return;
  asio::post(context_, [this] { drain(); });
}

void WakeQueue::drain() {
  std::vector<Item> batch;
  batch.reserve(kBatch);
  {
    std::lock_guard lock(mutex_);
    while (!items_.empty() && batch.size() < kBatch) {
      batch.push_back(std::move(items_.front()));
      items_.pop_front();
    }
    draining_ = !items_.empty();
    // Another thread may go on with the rest at the same time.
    if (draining_) asio::post(context_, [this] { drain(); });
  }
  for (Item& item : batch) asio::dispatch(item.strand, std::move(item.work));
}

}  // namespace hull
