// Test harness: a real worker process on a socketpair, with the test playing the server.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "worker/protocol.pb.h"

namespace hull::worker {

// Just enough of the runtime to exercise the worker; `host` gives test modules the natives.
inline const char kFakeRuntime[] = R"js((() => {
  const host = globalThis.__hull;
  delete globalThis.__hull;
  globalThis.host = host;
  globalThis.Convex = {syscall: host.syscall, asyncSyscall: host.asyncSyscall};
  const info = globalThis.info = {};
  host.setHooks({
    startCall(seed, now, kind) { Object.assign(info, {seed: seed[0], now, kind}); },
    startImport(seed, now) { info.importSeed = seed[0]; info.importTime = now; },
    async invoke(ns, path, name, kind, args) {
      if (typeof ns[name] !== 'function') throw {developerError: `Couldn't find "${name}" in module "${path}".`};
      return JSON.stringify((await ns[name](...JSON.parse(args))) ?? null);
    },
    lookupRoute(ns, path, method) { return JSON.stringify([method, path]); },
    async invokeHttp(ns, route, request) { if (ns.f) return ns.f(host); return JSON.stringify({route, request: JSON.parse(request)}); },
    describeError(e) {
      if (e instanceof Error) {
        const out = {message: `Uncaught ${e.name}: ${e.message}`, frames: String(e.stack).split('|')};
        if (e.data !== undefined) out.dataJson = JSON.stringify(e.data);
        return out;
      }
      return {message: 'Uncaught ' + String(e), frames: []};
    },
    prepareStackTrace(e, sites) {
      return sites.map(s => `${s.getFunctionName()}@${s.getFileName()}:${s.getLineNumber()}`).join('|');
    },
    unawaitedOps() { return ['sleep']; },
    analyzeModule(ns, path) {
      return JSON.stringify({functions: Object.keys(ns).filter(k => typeof ns[k] === 'function').map(name =>
        ({name, udfType: 'Query', visibility: 'public', args: '{"type":"any"}', returns: '', line: 3, column: 7}))});
    },
    analyzeHttp(ns) { return JSON.stringify({routes: ns.default.map(([path, method]) => ({path, method}))}); },
    analyzeCrons(ns) { return ns.default.export(); },
    exportSchema(ns) {
      if (!ns.default) throw Object.assign(new Error('no schema'), {code: 'MissingSchemaExportError'});
      return ns.default.export();
    },
    exportAuth(ns) { return JSON.stringify(ns.default); },
    exportDefinition(ns) { return JSON.stringify(ns.default.export()); },
  });
})();)js";

struct Outcome {
  wire::CallDone done;
  std::vector<wire::LogLine> live_logs;
  std::vector<wire::OpBatch> batches;
};

class TestWorker {
 public:
  // Answers the operations of one batch; an empty answer leaves the operation open.
  using Answer = std::function<void(const wire::Op& op, wire::OpResults* results)>;

  explicit TestWorker(const std::string& runtime_path, uint64_t hash_seed = 4711) {
    int pair[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    fd_ = pair[0];
    const std::string seed = "--hash-seed=" + std::to_string(hash_seed);
    pid_ = fork();
    if (pid_ == 0) {
      // dup2 clears close-on-exec unless it has nothing to do.
      if (pair[1] == 3) {
        fcntl(3, F_SETFD, 0);
      } else {
        dup2(pair[1], 3);
      }
      const char* argv[] = {HULL_NODE_BINARY,
                            seed.c_str(),
                            "--disable-sigusr1",
                            "--stack-size=2048",
                            "--no-wasm-async-compilation",
                            "--wasm-max-mem-pages=1024",
                            "--no-turboshaft-loop-unrolling",
                            "--no-detect-ineffective-gcs-near-heap-limit",
                            "-e",
                            "process.dlopen({exports:{}}, process.argv[1], 2|8)",
                            HULL_WORKER_NODE,
                            runtime_path.c_str(),
                            nullptr};
      const char* env[] = {"TZ=UTC", "LC_ALL=en_US.UTF-8", nullptr};
      execve(argv[0], const_cast<char**>(argv), const_cast<char**>(env));
      _exit(127);
    }
    close(pair[1]);
    timeval limit{20, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }

  ~TestWorker() {
    close(fd_);
    if (!reaped_) Reap(5);
  }

  // Exit status as waitpid gives it, -1 if it had to be killed.
  int Reap(int seconds) {
    int status = 0;
    for (int i = 0; i < seconds * 100; ++i) {
      if (waitpid(pid_, &status, WNOHANG) == pid_) {
        reaped_ = true;
        return status;
      }
      usleep(10000);
    }
    kill(pid_, SIGKILL);
    waitpid(pid_, &status, 0);
    reaped_ = true;
    return -1;
  }

  pid_t pid() const { return pid_; }
  // The most memory the worker ever had resident, MiB.
  size_t PeakMebibytes() const {
    std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmHWM:")) return std::stoul(line.substr(6)) >> 10;
    }
    return 0;
  }
  std::map<std::string, std::string> modules;
  std::map<std::string, std::string> source_maps;
  int module_requests = 0;  // for sources

  void Send(const wire::ToWorker& message) {
    const std::string body = message.SerializeAsString();
    const auto size = static_cast<uint32_t>(body.size());
    std::string frame(reinterpret_cast<const char*>(&size), sizeof size);
    frame += body;
    size_t done = 0;
    while (done < frame.size()) {
      const ssize_t n = send(fd_, frame.data() + done, frame.size() - done, MSG_NOSIGNAL);
      if (n <= 0) return;
      done += static_cast<size_t>(n);
    }
  }

  // False at the end of the stream. Module requests are answered on the way.
  bool Receive(wire::FromWorker* message) {
    while (true) {
      uint32_t size = 0;
      if (!ReadFully(&size, sizeof size)) return false;
      std::string body(size, '\0');
      if (!ReadFully(body.data(), size) || !message->ParseFromString(body)) return false;
      if (!message->has_module()) return true;
      if (!message->module().source_map()) ++module_requests;
      wire::ToWorker reply;
      auto* module = reply.mutable_module();
      module->set_request_id(message->module().request_id());
      auto& from = message->module().source_map() ? source_maps : modules;
      const auto it = from.find(message->module().path());
      module->set_found(it != from.end());
      if (module->found()) {
        *(message->module().source_map() ? module->mutable_source_map() : module->mutable_source()) =
            it->second;
      }
      Send(reply);
    }
  }

  static wire::Init DefaultInit() {
    wire::Init init;
    init.set_import_seed(std::string(32, '\x05'));
    init.set_import_time_ms(1000);
    init.set_max_heap_bytes(64 << 20);
    init.set_max_heap_extra_bytes(32 << 20);
    init.set_max_array_buffer_bytes(64 << 20);
    (*init.mutable_env())["NAME"] = "value";
    return init;
  }

  wire::Ready Init(const wire::Init& init = DefaultInit()) {
    wire::ToWorker message;
    *message.mutable_init() = init;
    Send(message);
    wire::FromWorker reply;
    EXPECT_TRUE(Receive(&reply));
    EXPECT_TRUE(reply.has_ready());
    return reply.ready();
  }

  static wire::StartCall Start(wire::UdfType type, const std::string& module, const std::string& function,
                               const std::string& args = "[{}]") {
    static uint64_t last_id = 0;
    wire::StartCall start;
    start.set_call_id(++last_id);
    start.set_type(type);
    start.set_module(module);
    start.set_function(function);
    start.set_args_json(args);
    start.set_seed(std::string(32, '\x07'));
    start.set_now_ms(2000);
    start.set_user_timeout_ms(1000);
    return start;
  }

  void Begin(const wire::StartCall& start) {
    wire::ToWorker message;
    *message.mutable_start() = start;
    Send(message);
  }

  Outcome Finish(const Answer& answer = {}) {
    Outcome outcome;
    wire::FromWorker message;
    while (Receive(&message)) {
      if (message.has_done()) {
        outcome.done = message.done();
        return outcome;
      }
      if (message.has_logs()) {
        for (const auto& line : message.logs().lines()) outcome.live_logs.push_back(line);
      }
      if (!message.has_ops()) continue;
      outcome.batches.push_back(message.ops());
      wire::ToWorker reply;
      auto* results = reply.mutable_results();
      results->set_call_id(message.ops().call_id());
      for (const auto& op : message.ops().ops()) {
        if (answer) answer(op, results);
      }
      if (results->results_size() > 0) Send(reply);
    }
    outcome.done.mutable_error()->set_message("the worker is gone");
    return outcome;
  }

  Outcome Run(const wire::StartCall& start, const Answer& answer = {}) {
    Begin(start);
    return Finish(answer);
  }

 private:
  bool ReadFully(void* into, size_t size) {
    auto* at = static_cast<char*>(into);
    while (size > 0) {
      const ssize_t n = read(fd_, at, size);
      if (n <= 0) return false;
      at += n;
      size -= static_cast<size_t>(n);
    }
    return true;
  }

  int fd_ = -1;
  pid_t pid_ = -1;
  bool reaped_ = false;
};

class WorkerTest : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/hull_worker_test_XXXXXX";
    directory_ = mkdtemp(path);
    runtime_ = directory_ + "/runtime.js";
    std::ofstream(runtime_) << kFakeRuntime;
  }
  void TearDown() override {
    unlink(runtime_.c_str());
    unlink(snapshot().c_str());
    rmdir(directory_.c_str());
  }

  std::string snapshot() const { return directory_ + "/snapshot.blob"; }

  std::string directory_;
  std::string runtime_;
};

inline wire::OpResult* AddJson(wire::OpResults* results, const wire::Op& op, const std::string& json) {
  auto* result = results->add_results();
  result->set_op_id(op.op_id());
  result->set_json(json);
  return result;
}

}  // namespace hull::worker
