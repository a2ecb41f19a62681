#include "worker/isolate.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>

#include "worker/exit_status.h"
#include "worker/modules.h"
#include "worker/natives.h"
#include "worker/realm.h"

namespace hull::worker {
namespace {

constexpr size_t kStackBytes = 2 << 20;  // the isolate thread has twice that
constexpr size_t kDefaultArrayBufferBytes = size_t{1} << 30;
constexpr double kRestoreLimitBelow = 0.5;
constexpr size_t kMaxGarbageBytes = 48 << 20;
constexpr int kExitAborted = 134;

[[noreturn]] void OnFatal(const char* location, const char* message) {
  fprintf(stderr, "worker: V8 gave up in %s: %s\n", location ? location : "?", message ? message : "?");
  _exit(kExitAborted);
}
[[noreturn]] void OnOutOfMemory(const char* location, const v8::OOMDetails& details) {
  if (!details.is_heap_oom) OnFatal(location, "no memory");
  fprintf(stderr, "worker: out of memory in %s\n", location ? location : "?");
  _exit(kExitOutOfMemory);
}

}  // namespace

bool LimitingAllocator::Reserve(size_t length) {
  size_t used = used_.load(std::memory_order_relaxed);
  do {
    if (length > limit_ || used > limit_ - length) return false;
  } while (!used_.compare_exchange_weak(used, used + length));
  return true;
}

void* LimitingAllocator::Allocate(size_t length) {
  if (!Reserve(length)) return nullptr;
  void* data = calloc(length ? length : 1, 1);
  if (!data) used_ -= length;
  return data;
}

void* LimitingAllocator::AllocateUninitialized(size_t length) {
  if (!Reserve(length)) return nullptr;
  void* data = malloc(length ? length : 1);
  if (!data) used_ -= length;
  return data;
}

void LimitingAllocator::Free(void* data, size_t length) {
  free(data);
  used_ -= length;
}

Isolate::Isolate(node::MultiIsolatePlatform* platform, std::function<void()> wake,
                 const IsolateLimits& limits, v8::StartupData* blob, bool for_snapshot)
    : platform_(platform),
      limits_(limits),
      delegate_(std::move(wake)),
      allocator_(limits.array_buffer_bytes ? limits.array_buffer_bytes : kDefaultArrayBufferBytes),
      isolate_(v8::Isolate::Allocate()) {
  platform_->RegisterIsolate(isolate_, &delegate_);
  params_.array_buffer_allocator = &allocator_;
  params_.external_references = ExternalReferences();
  params_.snapshot_blob = blob;
  params_.fatal_error_callback = OnFatal;
  params_.oom_error_callback = OnOutOfMemory;
  params_.allow_atomics_wait = false;
  if (limits_.heap_bytes) params_.constraints.ConfigureDefaultsFromHeapSize(0, limits_.heap_bytes);
  if (for_snapshot) return;
  v8::Isolate::Initialize(isolate_, params_);
  scope_.emplace(isolate_);
  Configure();
}

void Isolate::Configure() {
  isolate_->SetFatalErrorHandler(OnFatal);
  isolate_->SetOOMErrorHandler(OnOutOfMemory);
  isolate_->SetMicrotasksPolicy(v8::MicrotasksPolicy::kExplicit);
  isolate_->SetCaptureStackTraceForUncaughtExceptions(true, 10);
  isolate_->SetPrepareStackTraceCallback(Realm::PrepareStackTrace);
  isolate_->SetPromiseRejectCallback(Realm::OnPromiseReject);
  isolate_->SetHostImportModuleDynamicallyCallback(ImportDynamically);
  isolate_->SetHostInitializeImportMetaObjectCallback(RefuseImportMeta);
  const auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  isolate_->SetStackLimit(here - kStackBytes);
  watchdog_.emplace(isolate_);
  isolate_->AddNearHeapLimitCallback(NearHeapLimit, this);
  // What was allowed to a call that had to unwind is not for the next one.
  isolate_->AutomaticallyRestoreInitialHeapLimit(kRestoreLimitBelow);
}

void Isolate::CollectIfGrown() {
  v8::HeapStatistics stats;
  isolate_->GetHeapStatistics(&stats);
  const size_t allowed =
      limits_.heap_bytes ? std::min(limits_.heap_bytes / 8 * 3, kMaxGarbageBytes) : kMaxGarbageBytes;
  if (stats.used_heap_size() <= live_bytes_ + allowed) return;
  isolate_->MemoryPressureNotification(v8::MemoryPressureLevel::kCritical);
  isolate_->MemoryPressureNotification(v8::MemoryPressureLevel::kNone);
  isolate_->GetHeapStatistics(&stats);
  live_bytes_ = stats.used_heap_size();
}

Isolate::~Isolate() {
  scope_.reset();
  platform_->DisposeIsolate(isolate_);
}

size_t Isolate::NearHeapLimit(void* data, size_t current, size_t) {
  auto* self = static_cast<Isolate*>(data);
  self->watchdog_->OutOfMemory();
  return current + self->limits_.heap_extra_bytes;
}

}  // namespace hull::worker
