#include "simulation/fiber.h"

#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace hull::simulation {
namespace {

// SQLite and the packed-value code need little; sanitized frames are several times as large.
constexpr size_t kStackSize = 1 << 20;

#if defined(__SANITIZE_ADDRESS__)
void start_switch(void** fake_stack, const void* bottom, size_t size) {
  __sanitizer_start_switch_fiber(fake_stack, bottom, size);
}
void finish_switch(void* fake_stack, const void** bottom, size_t* size) {
  __sanitizer_finish_switch_fiber(fake_stack, bottom, size);
}
#else
void start_switch(void**, const void*, size_t) {}
void finish_switch(void*, const void**, size_t*) {}
#endif

}  // namespace

Fiber::Fiber(size_t id, std::string name, std::function<void()> body) : id(id), name(std::move(name)) {
  boost::context::protected_fixedsize_stack allocator(kStackSize);
  boost::context::stack_context stack = allocator.allocate();
  bottom_ = static_cast<const char*>(stack.sp) - stack.size;
  size_ = stack.size;
  inside_ = boost::context::fiber(std::allocator_arg,
                                  boost::context::preallocated(stack.sp, stack.size, stack), allocator,
                                  [this, body = std::move(body)](boost::context::fiber&& outside) mutable {
                                    outside_ = std::move(outside);
                                    finish_switch(nullptr, &outside_bottom_, &outside_size_);
                                    body();
                                    body = nullptr;
                                    state = State::kEnded;
                                    start_switch(nullptr, outside_bottom_, outside_size_);
#if defined(__SANITIZE_THREAD__)
                                    __tsan_switch_to_fiber(tsan_outside_, 0);
#endif
                                    return std::move(outside_);
                                  });
#if defined(__SANITIZE_THREAD__)
  tsan_inside_ = __tsan_create_fiber(0);
#endif
}

void Fiber::resume() {
#if defined(__SANITIZE_THREAD__)
  tsan_outside_ = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(tsan_inside_, 0);
#endif
  start_switch(&outside_fake_stack_, bottom_, size_);
  inside_ = std::move(inside_).resume();
  finish_switch(outside_fake_stack_, nullptr, nullptr);
#if defined(__SANITIZE_THREAD__)
  if (state == State::kEnded) __tsan_destroy_fiber(tsan_inside_);
#endif
}

void Fiber::abandon() {
#if defined(__SANITIZE_ADDRESS__)
  __lsan_register_root_region(bottom_, size_);
#endif
}

void Fiber::suspend() {
#if defined(__SANITIZE_THREAD__)
  __tsan_switch_to_fiber(tsan_outside_, 0);
#endif
  start_switch(&inside_fake_stack_, outside_bottom_, outside_size_);
  outside_ = std::move(outside_).resume();
  finish_switch(inside_fake_stack_, &outside_bottom_, &outside_size_);
}

}  // namespace hull::simulation
