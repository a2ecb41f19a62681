#include "functions/snapshots.h"

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/time.h"

namespace hull {

namespace {

// A snapshot is read into every isolate: past this it costs more memory than loading modules on demand.
constexpr uint64_t kMaxSnapshotBytes = 24u << 20;
// Heap and time after which the building child takes up no more entries: those beyond are loaded when called.
constexpr uint64_t kMaxBuildHeapBytes = 24u << 20;
constexpr uint32_t kMaxBuildMs = 2000;
constexpr size_t kMaxSnapshots = 6;
constexpr double kStartTimeoutS = 20;
constexpr double kBuildTimeoutS = 20;

int64_t deadline_in(double seconds) { return monotonic_nanos() + static_cast<int64_t>(seconds * 1e9); }

}  // namespace

wire::ToWorker init_message(const Code& code, const Knobs& knobs, const std::string& snapshot_path) {
  wire::ToWorker message;
  wire::Init* init = message.mutable_init();
  init->set_snapshot_path(snapshot_path);
  for (const auto& [name, value] : code.env()) (*init->mutable_env())[name] = value;
  init->set_import_seed(code.import_seed());
  init->set_import_time_ms(code.import_time_ms());
  init->set_max_heap_bytes(knobs.max_user_heap);
  init->set_max_heap_extra_bytes(knobs.max_heap_extra);
  init->set_max_array_buffer_bytes(knobs.max_array_buffers);
  init->set_sandbox(true);
  return message;
}

void reply_module(WorkerProcess& worker, const Code& code, const wire::ModuleRequest& request) {
  wire::ToWorker message;
  wire::ModuleReply* reply = message.mutable_module();
  reply->set_request_id(request.request_id());
  auto module = code.modules().find(request.path());
  if (module != code.modules().end() && module->second.environment == "isolate") {
    auto text =
        code.text(request.path(), request.source_map() ? ModuleText::kSourceMap : ModuleText::kSource);
    if (text.ok()) {
      reply->set_found(true);
      *(request.source_map() ? reply->mutable_source_map() : reply->mutable_source()) = *std::move(text);
    } else {
      spdlog::error("cannot load module path={}: {}", request.path(), text.error().message);
    }
  }
  worker.send(message);
}

WorkerStarter::WorkerStarter(WorkerLauncher* launcher, const Knobs* knobs, std::string scratch_dir,
                             FunctionMetrics* metrics)
    : launcher_(launcher), knobs_(knobs), scratch_dir_(std::move(scratch_dir)), metrics_(metrics) {
  std::error_code ignored;
  std::filesystem::create_directories(scratch_dir_, ignored);
  // Left behind by a server that was killed; no other process can read them (they are bound to its hash
  // seed).
  for (const auto& file : std::filesystem::directory_iterator(scratch_dir_, ignored)) {
    if (file.path().filename().string().find(".snapshot") != std::string::npos)
      std::filesystem::remove(file.path(), ignored);
  }
}

WorkerStarter::~WorkerStarter() {
  std::error_code ignored;
  for (const auto& [key, snapshot] : snapshots_) {
    if (!snapshot.path.empty()) std::filesystem::remove(snapshot.path, ignored);
  }
}

Result<std::unique_ptr<WorkerProcess>> WorkerStarter::start(const Code& code) {
  std::string snapshot = snapshot_path(code);
  auto worker = start_with(code, snapshot);
  if (worker.ok() || snapshot.empty()) return worker;
  spdlog::warn("a worker did not start from its snapshot ({}); starting without one", worker.error().message);
  forget(code.key());
  return start_with(code, "");
}

Result<std::unique_ptr<WorkerProcess>> WorkerStarter::start_with(const Code& code,
                                                                 const std::string& snapshot) {
  const int64_t begin_ns = monotonic_nanos();
  HULL_TRY(auto worker, launcher_->launch());
  worker->send(init_message(code, *knobs_, snapshot));
  int64_t deadline = deadline_in(kStartTimeoutS);
  while (true) {
    wire::FromWorker frame;
    auto event = worker->receive(frame, deadline);
    if (event == WorkerProcess::Event::kTimeout)
      return Error::internal("a worker did not become ready in time");
    if (event == WorkerProcess::Event::kClosed) return Error::internal("a worker died while it started");
    if (event != WorkerProcess::Event::kFrame) continue;
    if (frame.has_module()) {
      reply_module(*worker, code, frame.module());
    } else if (frame.has_ready()) {
      if (!frame.ready().sandbox_report().empty()) {
        std::lock_guard lock(mutex_);
        if (!std::exchange(reported_sandbox_, true)) {
          spdlog::warn("workers run with a weaker sandbox: {}", frame.ready().sandbox_report());
        }
      }
      metrics_->worker_started(OutstandingCalls::Runtime::kIsolate,
                               static_cast<double>(monotonic_nanos() - begin_ns) / 1e9);
      return worker;
    }
  }
}

void WorkerStarter::make_snapshot(const Code& code) { snapshot_path(code); }

void WorkerStarter::note_call(const std::string& module) {
  std::lock_guard lock(mutex_);
  called_[module] = ++uses_;
}

std::vector<std::string> WorkerStarter::entries_by_use(const Code& code) {
  std::vector<std::string> entries = code.entries();
  std::lock_guard lock(mutex_);
  std::erase_if(called_, [&code](const auto& entry) { return !code.modules().contains(entry.first); });
  auto last_call = [this](const std::string& path) {
    auto it = called_.find(path);
    return it == called_.end() ? 0 : it->second;
  };
  std::stable_sort(entries.begin(), entries.end(),
                   [&last_call](const auto& a, const auto& b) { return last_call(a) > last_call(b); });
  return entries;
}

std::string WorkerStarter::snapshot_path(const Code& code) {
  std::vector<std::string> unused;
  {
    std::unique_lock lock(mutex_);
    auto it = snapshots_.find(code.key());
    if (it != snapshots_.end()) {
      it->second.used = ++uses_;
      changed_.wait(lock, [&] {
        it = snapshots_.find(code.key());
        return it == snapshots_.end() || it->second.done;
      });
      return it == snapshots_.end() ? "" : it->second.path;
    }
    snapshots_[code.key()].used = ++uses_;
  }
  std::string path = build(code);
  std::lock_guard lock(mutex_);
  Snapshot& snapshot = snapshots_[code.key()];
  snapshot.done = true;
  snapshot.path = path;
  while (snapshots_.size() > kMaxSnapshots) {
    auto oldest = snapshots_.end();
    for (auto it = snapshots_.begin(); it != snapshots_.end(); ++it) {
      if (it->second.done && (oldest == snapshots_.end() || it->second.used < oldest->second.used))
        oldest = it;
    }
    if (oldest == snapshots_.end()) break;
    std::error_code ignored;
    if (!oldest->second.path.empty()) std::filesystem::remove(oldest->second.path, ignored);
    snapshots_.erase(oldest);
  }
  changed_.notify_all();
  return path;
}

void WorkerStarter::forget(const std::string& key) {
  std::lock_guard lock(mutex_);
  auto it = snapshots_.find(key);
  if (it == snapshots_.end() || it->second.path.empty()) return;
  std::error_code ignored;
  std::filesystem::remove(it->second.path, ignored);
  it->second.path.clear();
}

std::string WorkerStarter::build(const Code& code) {
  std::vector<std::string> entries = entries_by_use(code);
  auto worker = launcher_->launch();
  if (!worker.ok()) return "";
  WorkerProcess& child = **worker;
  wire::ToWorker init = init_message(code, *knobs_, "");
  init.mutable_init()->set_max_heap_bytes(knobs_->max_analyze_heap);
  child.send(init);
  std::string path = scratch_dir_ + "/" + code.key() + ".snapshot";
  int64_t started = monotonic_nanos();
  int64_t deadline = deadline_in(kBuildTimeoutS);
  while (true) {
    wire::FromWorker frame;
    auto event = child.receive(frame, deadline);
    if (event == WorkerProcess::Event::kWoken) continue;
    if (event != WorkerProcess::Event::kFrame) {
      spdlog::warn(
          "no snapshot for this code version: the worker that makes it {}; functions start more slowly",
          event == WorkerProcess::Event::kTimeout ? "took too long" : "died");
      std::error_code ignored;
      std::filesystem::remove(path, ignored);
      return "";
    }
    if (frame.has_module()) {
      reply_module(child, code, frame.module());
    } else if (frame.has_ready()) {
      wire::ToWorker order;
      for (const std::string& entry : entries) order.mutable_build_snapshot()->add_entries(entry);
      order.mutable_build_snapshot()->set_output_path(path);
      order.mutable_build_snapshot()->set_max_heap_bytes(kMaxBuildHeapBytes);
      order.mutable_build_snapshot()->set_max_ms(kMaxBuildMs);
      child.send(order);
    } else if (frame.has_snapshot()) {
      const wire::SnapshotBuilt& built = frame.snapshot();
      spdlog::debug("snapshot made entries={} failed={} left_out={} bytes={} ms={}", built.entries_size(),
                    built.failed_entries_size(), built.left_out(), built.bytes(),
                    (monotonic_nanos() - started) / 1000000);
      if (built.bytes() > 0 && built.bytes() <= kMaxSnapshotBytes) return path;
      std::error_code ignored;
      std::filesystem::remove(path, ignored);
      return "";
    }
  }
}

}  // namespace hull
