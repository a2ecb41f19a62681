#include "worker/worker.h"

#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "worker/analyze.h"

namespace hull::worker {
namespace {

std::optional<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

}  // namespace

Worker::Worker(node::MultiIsolatePlatform* platform, int fd, std::string runtime_path)
    : platform_(platform),
      socket_(fd),
      queue_(socket_,
             [this](uint64_t call_id) {
               Watchdog* watchdog = watchdog_.load(std::memory_order_acquire);
               if (watchdog) watchdog->Terminate(call_id);
             }),
      host_(socket_, queue_) {
  host_.runtime_path = std::move(runtime_path);
}

std::optional<Worker::Clock::time_point> Worker::NextDeadline() {
  std::optional<Clock::time_point> next;
  if (host_.isolate) next = host_.isolate->tasks().NextDue();
  for (const auto& [id, call] : calls_) {
    const auto deadline = call->deadline();
    if (deadline && (!next || *deadline < *next)) next = deadline;
  }
  return next;
}

int Worker::Run() {
  while (true) {
    auto frame = queue_.Pop(NextDeadline());
    if (frame && !Handle(*frame)) return 0;
    if (!host_.isolate) continue;
    OnDeadlines();
    const v8::HandleScope handles(host_.v8());
    host_.isolate->tasks().RunDue();
    // Its answer is on the way: nobody waits for this.
    if (std::exchange(call_ended_, false)) host_.isolate->CollectIfGrown();
  }
}

void Worker::OnDeadlines() {
  std::vector<uint64_t> over;
  const auto now = Clock::now();
  for (const auto& [id, call] : calls_) {
    const auto deadline = call->deadline();
    if (deadline && *deadline <= now) over.push_back(id);
  }
  for (const uint64_t id : over) {
    calls_.at(id)->OnDeadline();
    Forget(id);
  }
}

bool Worker::Handle(wire::ToWorker& message) {
  switch (message.body_case()) {
    case wire::ToWorker::kInit:
      OnInit(std::move(*message.mutable_init()));
      return true;
    case wire::ToWorker::kStart:
      OnStart(std::move(*message.mutable_start()));
      return true;
    case wire::ToWorker::kResults: {
      const uint64_t id = message.results().call_id();
      const auto it = calls_.find(id);
      if (it == calls_.end()) return true;  // the call ended meanwhile
      it->second->OnResults(std::move(*message.mutable_results()));
      Forget(id);
      return true;
    }
    case wire::ToWorker::kTerminate:
      OnTerminate(message.terminate().call_id());
      return true;
    case wire::ToWorker::kAnalyze:
      OnAnalyze(message.analyze());
      return true;
    case wire::ToWorker::kBuildSnapshot:
      OnBuildSnapshot(message.build_snapshot());
      return true;
    case wire::ToWorker::kPing: {
      wire::FromWorker pong;
      pong.mutable_pong();
      socket_.Send(pong);
      return true;
    }
    case wire::ToWorker::kShutdown:
      return false;
    case wire::ToWorker::kModule:  // the answer to a wait that was interrupted
    case wire::ToWorker::BODY_NOT_SET:
      return true;
  }
  return true;
}

void Worker::Forget(uint64_t call_id) {
  const auto it = calls_.find(call_id);
  if (it == calls_.end() || !it->second->done()) return;
  if (const auto caller = calls_.find(it->second->caller_id()); caller != calls_.end()) {
    caller->second->Absorb(*it->second);
  }
  calls_.erase(it);
  call_ended_ = true;
}

IsolateLimits Worker::Limits() const {
  return {host_.init.max_heap_bytes(), host_.init.max_heap_extra_bytes(),
          host_.init.max_array_buffer_bytes()};
}

void Worker::OnInit(wire::Init init) {
  const auto started = Clock::now();
  host_.init = std::move(init);
  auto runtime = ReadFile(host_.runtime_path);
  if (!runtime) {
    fprintf(stderr, "worker: cannot read the runtime bundle %s\n", host_.runtime_path.c_str());
    _exit(1);
  }
  host_.runtime_text = std::move(*runtime);
  wire::FromWorker message;
  auto* ready = message.mutable_ready();
  if (!host_.init.snapshot_path().empty()) {
    if (snapshot_.Open(host_.init.snapshot_path())) {
      for (const auto& entry : snapshot_.index().entries()) ready->add_snapshot_entries(entry.path());
    } else {
      fprintf(stderr, "worker: the snapshot %s cannot be used\n", host_.init.snapshot_path().c_str());
    }
    EnsureIsolate();
  }
  if (host_.init.sandbox()) ready->set_sandbox_report(sandbox_.Close());
  ready->set_start_ms(std::chrono::duration<double, std::milli>(Clock::now() - started).count());
  socket_.Send(message);
}

void Worker::EnsureIsolate() {
  if (host_.isolate) return;
  host_.isolate = std::make_unique<Isolate>(
      platform_, [this] { queue_.Wake(); }, Limits(), snapshot_.blob(), false);
  host_.graveyard = v8::MicrotaskQueue::New(host_.v8(), v8::MicrotasksPolicy::kExplicit);
  watchdog_.store(&host_.isolate->watchdog(), std::memory_order_release);
}

bool Worker::SealFor(const std::string& snapshot_path) {
  const size_t slash = snapshot_path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : snapshot_path.substr(0, slash + 1);
  if (sandbox_.Seal(!snapshot_path.empty(), directory)) return true;
  fprintf(stderr, "worker: the sandbox cannot be sealed\n");
  _exit(1);
}

void Worker::OnStart(wire::StartCall start) {
  SealFor("");
  EnsureIsolate();
  const uint64_t id = start.call_id();
  const wire::SnapshotEntry* entry = snapshot_.Find(start.module());
  const auto caller = calls_.find(start.parent_call_id());
  const Call* caller_call = caller == calls_.end() ? nullptr : caller->second.get();
  auto& call = calls_[id];
  call = std::make_unique<Call>(host_, std::move(start), entry, caller_call);
  call->Begin();
  Forget(id);
}

void Worker::OnAnalyze(const wire::Analyze& request) {
  SealFor("");
  EnsureIsolate();
  wire::FromWorker message;
  *message.mutable_analyzed() = AnalyzeModules(host_, request);
  socket_.Send(message);
}

void Worker::OnBuildSnapshot(const wire::BuildSnapshot& request) {
  wire::FromWorker message;
  SnapshotWriter writer;
  if (host_.isolate || !writer.Open(request.output_path())) {
    fprintf(stderr, "worker: cannot write the snapshot %s\n", request.output_path().c_str());
    for (const auto& entry : request.entries()) message.mutable_snapshot()->add_failed_entries(entry);
    socket_.Send(message);
    return;
  }
  SealFor(request.output_path());
  *message.mutable_snapshot() = BuildSnapshot(host_, platform_, Limits(), request, writer);
  socket_.Send(message);
  // The isolate was consumed by the blob; there is nothing else this process could do.
  _exit(0);
}

void Worker::OnTerminate(uint64_t call_id) {
  std::vector<uint64_t> ids;
  for (const auto& [id, call] : calls_) {
    if (call_id == 0 || id == call_id) ids.push_back(id);
  }
  for (const uint64_t id : ids) {
    calls_.at(id)->Cancel();
    Forget(id);
  }
}

}  // namespace hull::worker
