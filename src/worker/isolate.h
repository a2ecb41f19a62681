// The worker's one isolate: creation, limits and isolate-wide callbacks.
//
// Everything here belongs to the isolate thread, except the allocator, which V8 also frees from its own
// threads.
#pragma once

#include <node.h>
#include <v8.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>

#include "worker/platform.h"
#include "worker/watchdog.h"

namespace hull::worker {

// Refuses array buffers beyond a total; V8 then collects garbage, tries again and throws a RangeError.
class LimitingAllocator : public v8::ArrayBuffer::Allocator {
 public:
  explicit LimitingAllocator(size_t limit) : limit_(limit) {}

  void* Allocate(size_t length) override;
  void* AllocateUninitialized(size_t length) override;
  void Free(void* data, size_t length) override;

 private:
  bool Reserve(size_t length);

  const size_t limit_;
  std::atomic<size_t> used_ = 0;
};

struct IsolateLimits {
  size_t heap_bytes = 0;        // 0: V8's default
  size_t heap_extra_bytes = 0;  // room to unwind in after the limit was hit
  size_t array_buffer_bytes = 0;
};

class Isolate {
 public:
  // `blob` may be null; its bytes must outlive the isolate. `for_snapshot` makes an isolate that a
  // v8::SnapshotCreator initializes (Get() is then only allocated and registered).
  Isolate(node::MultiIsolatePlatform* platform, std::function<void()> wake, const IsolateLimits& limits,
          v8::StartupData* blob, bool for_snapshot);
  ~Isolate();
  Isolate(const Isolate&) = delete;
  Isolate& operator=(const Isolate&) = delete;

  v8::Isolate* get() const { return isolate_; }
  const v8::Isolate::CreateParams& params() const { return params_; }
  Watchdog& watchdog() { return *watchdog_; }
  TaskRunner& tasks() { return delegate_.runner(); }
  // Installs callbacks and limits; called by the constructor except when a SnapshotCreator initializes the
  // isolate.
  void Configure();
  // Collects garbage if there is much that the last collection did not see. Between calls, when no handle to
  // what they left is held.
  void CollectIfGrown();

 private:
  static size_t NearHeapLimit(void* data, size_t current, size_t initial);

  node::MultiIsolatePlatform* const platform_;
  const IsolateLimits limits_;
  PlatformDelegate delegate_;
  LimitingAllocator allocator_;
  v8::Isolate* const isolate_;
  v8::Isolate::CreateParams params_;
  size_t live_bytes_ = 0;  // after the last CollectIfGrown that collected
  std::optional<Watchdog> watchdog_;
  std::optional<v8::Isolate::Scope> scope_;
};

}  // namespace hull::worker
