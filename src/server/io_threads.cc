#include "server/io_threads.h"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include "base/log.h"

namespace hull {
namespace asio = boost::asio;
namespace {

// The timer is touched on its strand only; the handle's destruction posts the cancellation there.
struct TimerState {
  explicit TimerState(asio::io_context& context) : strand(asio::make_strand(context)), timer(strand) {}
  asio::strand<asio::io_context::executor_type> strand;
  asio::steady_timer timer;
  bool cancelled = false;
};

}  // namespace

IoThreads::IoThreads(size_t threads) : context_(static_cast<int>(threads)), work_(context_.get_executor()) {
  for (size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this] {
      while (true) {
        try {
          context_.run();
          return;
        } catch (const std::exception& e) {
          spdlog::error("A request handler failed: {}", e.what());
        }
      }
    });
  }
}

IoThreads::~IoThreads() { stop(); }

void IoThreads::stop() {
  work_.reset();
  context_.stop();
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

std::shared_ptr<void> IoThreads::after(std::chrono::milliseconds delay, std::function<void()> fire) {
  auto state = std::make_shared<TimerState>(context_);
  asio::post(state->strand, [state, delay, fire = std::move(fire)]() mutable {
    if (state->cancelled) return;
    state->timer.expires_after(delay);
    state->timer.async_wait([state, fire = std::move(fire)](boost::system::error_code error) {
      if (!error && !state->cancelled) fire();
    });
  });
  return std::shared_ptr<void>(nullptr, [state](void*) {
    asio::post(state->strand, [state] {
      state->cancelled = true;
      state->timer.cancel();
    });
  });
}

}  // namespace hull
