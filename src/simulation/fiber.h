// A fiber of the simulation: a body that runs on its own stack and hands control back to whoever resumed it.
// Wraps Boost.Context and tells the sanitizers about the change of stack. Private to SimEnv.
#pragma once

#include <boost/context/fiber.hpp>
#include <boost/context/protected_fixedsize_stack.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace hull::simulation {

class SimEvent;

class Fiber {
 public:
  enum class State { kRunnable, kWaiting, kHeld, kEnded };

  Fiber(size_t id, std::string name, std::function<void()> body);
  Fiber(const Fiber&) = delete;

  void resume();   // by the scheduler: returns when the fiber suspends or ends
  void suspend();  // by the fiber itself: returns when it is resumed

  // The stack stays as it is for ever: what it points to is no leak.
  void abandon();

  const size_t id;
  const std::string name;
  State state = State::kRunnable;
  const char* where = "start";      // pause point or reason of waiting
  int64_t deadline = INT64_MAX;     // of a wait, or end of a hold
  std::shared_ptr<SimEvent> ended;  // notified at the end, for the join

 private:
  boost::context::fiber inside_, outside_;
  void* outside_fake_stack_ = nullptr;
  void* inside_fake_stack_ = nullptr;
  const void* outside_bottom_ = nullptr;
  size_t outside_size_ = 0;
  const void* bottom_ = nullptr;
  size_t size_ = 0;
  void* tsan_inside_ = nullptr;
  void* tsan_outside_ = nullptr;
};

}  // namespace hull::simulation
