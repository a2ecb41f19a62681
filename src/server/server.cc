#include "server/server.h"

#include <algorithm>
#include <thread>

#include "base/log.h"
#include "base/time.h"
#include "server/http_session.h"
#include "server/io_threads.h"
#include "server/listener.h"
#include "server/local_fetch.h"
#include "services/cron_runner.h"
#include "services/scheduler.h"

namespace hull {
namespace {

constexpr size_t kBlockingThreads = 4;
constexpr size_t kCompressorThreads = 2;
constexpr double kActionPatienceS = 2;

int64_t nanos(double seconds) { return static_cast<int64_t>(std::min(seconds, 1e9) * 1e9); }
double seconds_until(int64_t deadline_ns) {
  return std::max(0.0, static_cast<double>(deadline_ns - monotonic_nanos()) / 1e9);
}

class ServerImpl final : public Server {
 public:
  explicit ServerImpl(ServerOptions options)
      : options_(std::move(options)),
        limiter_(options_.limits),
        io_(options_.io_threads != 0 ? options_.io_threads
                                     : std::clamp<size_t>(std::thread::hardware_concurrency(), 1, 2)),
        pool_(kBlockingThreads),
        compressor_(kCompressorThreads),
        parser_(1) {
    context_.knobs = options_.knobs;
    context_.version = options_.version.empty() ? "unknown" : options_.version;
    context_.redact_logs = options_.redact_logs;
    context_.metrics_endpoint = options_.metrics_endpoint;
    context_.not_found_is_404 = options_.not_found_is_404;
    context_.pool = &pool_;
    context_.compressor = &compressor_;
    context_.limiter = &limiter_;
    context_.timers = &io_;
    pipeline_ = std::make_unique<Pipeline>(context_);
    sync_.counters = &context_.metrics.sync();
    sync_.admission = &admission_;
    sync_.agreed = &agreed_;
    sync_.message_rate = options_.limits.messages;
    sync_.redact_logs = options_.redact_logs;
    sync_.run_parsing = [this](std::function<void()> work) { parser_.submit(std::move(work)); };
    sync_.now_unix_ns = unix_nanos;
    sync_.now_monotonic_ns = monotonic_nanos;
  }

  ~ServerImpl() override {
    stop();
    io_.stop();
  }

  Result<void> listen() {
    SessionEnvironment environment{pipeline_.get(), &connections_, &sync_, &limiter_};
    HULL_TRY(main_, Listener::open(io_, options_.address, options_.port));
    HULL_TRY(site_, Listener::open(io_, options_.address, options_.site_port));
    main_->start(false, environment);
    site_->start(true, environment);
    return {};
  }

  uint16_t port() const override { return main_->port(); }
  uint16_t site_port() const override { return site_->port(); }

  void attach(ServerBackend backend) override {
    context_.runner = backend.runner;
    context_.deploy = backend.deploy;
    context_.auth = backend.auth;
    context_.files = backend.files;
    context_.log_streams = backend.log_streams;
    context_.usage = backend.usage;
    context_.instance_name = std::move(backend.instance_name);
    context_.cloud_origin = std::move(backend.cloud_origin);
    context_.site_origin = std::move(backend.site_origin);
    sync_.runner = backend.runner;
    sync_.auth = backend.auth;
    backend.runner->answer_fetch_locally(local_fetch(pipeline_.get(), LocalCaller::kFunction));
    backend.auth->answer_locally(local_fetch(pipeline_.get(), LocalCaller::kAuthentication));
    if (backend.start_jobs) {
      const ServerBackend::Jobs jobs = backend.start_jobs();
      context_.scheduler = jobs.scheduler;
      context_.crons = jobs.crons;
    }
    context_.ready.store(true, std::memory_order_release);
  }

  void stop() override {
    if (stopped_) return;
    stopped_ = true;
    context_.stopping.store(true, std::memory_order_relaxed);
    if (main_) main_->stop();
    if (site_) site_->stop();
    context_.parked.end_all();
    connections_.stop_all();
    if (context_.scheduler) context_.scheduler->drain();
    if (context_.crons) context_.crons->drain();
    // Actions may run for long: after a moment they are ended, which answers their callers.
    const int64_t end_ns = monotonic_nanos() + nanos(options_.drain_timeout_s);
    const int64_t patience_ns =
        monotonic_nanos() + nanos(std::min(kActionPatienceS, options_.drain_timeout_s));
    bool drained = connections_.wait_until_empty(seconds_until(patience_ns));
    const bool jobs_done = wait_for_jobs(patience_ns);
    if (!(drained && jobs_done) && context_.ready.load(std::memory_order_acquire)) {
      // Nor is their end recorded: an action that a job runs was interrupted.
      if (context_.scheduler) context_.scheduler->stop();
      if (context_.crons) context_.crons->stop();
      context_.runner->cancel_actions();
      drained = connections_.wait_until_empty(seconds_until(end_ns));
    }
    if (!drained) {
      spdlog::warn("{} connections were still busy after {} s and are dropped", connections_.count(),
                   options_.drain_timeout_s);
    }
    context_.ready.store(false, std::memory_order_release);
    pool_.stop();
    compressor_.stop();
  }

 private:
  bool wait_for_jobs(int64_t deadline_ns) {
    const bool scheduled = !context_.scheduler || context_.scheduler->wait_until_idle(deadline_ns);
    return (!context_.crons || context_.crons->wait_until_idle(deadline_ns)) && scheduled;
  }

  const ServerOptions options_;
  ServerContext context_;
  SyncAdmission admission_;
  AgreedTimestamp agreed_;
  SyncServices sync_;
  Connections connections_;
  std::unique_ptr<Pipeline> pipeline_;
  AddressLimiter limiter_;
  // Declared after what its handlers use, so that handlers die first.
  IoThreads io_;
  BlockingPool pool_, compressor_;
  BlockingPool parser_;  // of large messages, one after another
  std::unique_ptr<Listener> main_, site_;
  bool stopped_ = false;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::open(ServerOptions options) {
  auto server = std::make_unique<ServerImpl>(std::move(options));
  HULL_CHECK_OK(server->listen());
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace hull
