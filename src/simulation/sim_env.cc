#include "simulation/sim_env.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "simulation/fiber.h"

namespace hull::simulation {

class SimEvent final : public Event {
 public:
  explicit SimEvent(SimEnv& env) : env_(env) {}
  void notify() override {
    set_ = true;
    if (waiter_ && waiter_->state == Fiber::State::kWaiting) waiter_->state = Fiber::State::kRunnable;
  }
  void wait() override { env_.wait_on(*this, INT64_MAX, "event"); }
  bool wait_until(int64_t deadline_ns) override {
    return env_.wait_on(*this, deadline_ns, "event with deadline");
  }

 private:
  friend class SimEnv;
  SimEnv& env_;
  bool set_ = false;
  Fiber* waiter_ = nullptr;
};

class SimThread final : public Thread {
 public:
  SimThread(SimEnv& env, Fiber& fiber) : env_(env), fiber_(fiber) {}
  ~SimThread() override {
    if (fiber_.state != Fiber::State::kEnded) env_.wait_on(*fiber_.ended, INT64_MAX, "join");
  }

 private:
  SimEnv& env_;
  Fiber& fiber_;
};

namespace {

uint64_t hash(std::string_view text, uint64_t seed) {
  uint64_t h = 0xcbf29ce484222325 ^ seed;
  for (char c : text) h = (h ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return SimRandom(h).next();
}

double pick(std::initializer_list<double> choices, SimRandom& random) {
  return choices.begin()[random.below(choices.size())];
}

const char* name_of(Fiber::State state) {
  switch (state) {
    case Fiber::State::kRunnable:
      return "runnable";
    case Fiber::State::kWaiting:
      return "waiting";
    case Fiber::State::kHeld:
      return "held";
    case Fiber::State::kEnded:
      return "ended";
  }
  return "";
}

// Fibers that a failed run left behind: their stacks hold objects whose destructors would wait, so they can
// be neither resumed nor unwound.
void abandon(std::vector<std::unique_ptr<Fiber>> fibers) {
  static auto& graveyard = *new std::vector<std::vector<std::unique_ptr<Fiber>>>;
  for (const auto& fiber : fibers) {
    if (fiber->state != Fiber::State::kEnded) fiber->abandon();
  }
  graveyard.push_back(std::move(fibers));
}

}  // namespace

SimEnv::SimEnv(Options options)
    : options_(std::move(options)),
      random_(options_.seed),
      taste_(random_.next()),
      stay_(pick({0, 0.3, 0.6, 0.9}, random_)),
      hold_(options_.max_hold_probability * pick({0, 0.03, 0.2, 1}, random_)),
      wall_offset_(options_.start_unix_nanos - now_) {}

SimEnv::~SimEnv() {
  if (unfinished_ > 0) abandon(std::move(fibers_));
}

std::optional<std::string> SimEnv::run(std::function<void()> main) {
  start_fiber("main", std::move(main));
  while (unfinished_ > 0) {
    Fiber* fiber = next_runnable();
    if (!fiber) return "deadlock: nobody can run and nobody waits for a time\n" + describe_fibers();
    if (++steps_ > options_.max_steps) return "endless loop?\n" + describe_fibers();
    mix(fiber->id);
    mix(static_cast<uint64_t>(now_));
    current_ = fiber;
    if (options_.trace) note("goes on from " + std::string(fiber->where));
    fiber->deadline = INT64_MAX;
    fiber->resume();
    current_ = nullptr;
    if (fiber->state == Fiber::State::kEnded) {
      --unfinished_;
      live_.erase(std::find(live_.begin(), live_.end(), fiber));
      fiber->ended->notify();
    }
  }
  return std::nullopt;
}

int64_t SimEnv::unix_nanos() { return now_ + wall_offset_; }

std::shared_ptr<Event> SimEnv::make_event() { return std::make_shared<SimEvent>(*this); }

std::unique_ptr<Thread> SimEnv::start_thread(const char* name, std::function<void()> body) {
  return std::make_unique<SimThread>(*this, start_fiber(name, std::move(body)));
}

Fiber& SimEnv::start_fiber(std::string name, std::function<void()> body) {
  auto fiber = std::make_unique<Fiber>(fibers_.size(), std::move(name), std::move(body));
  fiber->ended = std::make_shared<SimEvent>(*this);
  ++unfinished_;
  live_.push_back(fiber.get());
  fibers_.push_back(std::move(fiber));
  return *fibers_.back();
}

Fiber& SimEnv::current() const {
  if (!current_) {
    std::fputs("SimEnv: waiting outside of run()\n", stderr);
    std::abort();
  }
  return *current_;
}

bool SimEnv::likes_to_hold(std::string_view point) const { return hash(point, taste_) % 8 == 0; }

void SimEnv::pause(const char* point) {
  Fiber& self = current();
  self.where = point;
  if (random_.chance(likes_to_hold(point) ? 0.3 : hold_)) {
    self.state = Fiber::State::kHeld;
    self.deadline = now_ + random_.magnitude(options_.max_hold_nanos);
    if (options_.trace) note("held at " + std::string(point));
  } else if (random_.chance(stay_)) {
    return;
  }
  self.suspend();
}

void SimEnv::sleep(int64_t nanos) {
  Fiber& self = current();
  self.where = "sleep";
  self.state = Fiber::State::kHeld;
  self.deadline = now_ + std::max<int64_t>(nanos, 0);
  self.suspend();
}

bool SimEnv::wait_on(SimEvent& event, int64_t deadline, const char* what) {
  Fiber& self = current();
  self.where = what;
  if (!event.set_) {
    event.waiter_ = &self;
    self.state = Fiber::State::kWaiting;
    self.deadline = deadline;
    self.suspend();
    event.waiter_ = nullptr;
  } else if (!random_.chance(stay_)) {
    self.suspend();
  }
  return std::exchange(event.set_, false);
}

void SimEnv::wake_due() {
  for (Fiber* fiber : live_) {
    if (fiber->state != Fiber::State::kRunnable && fiber->deadline <= now_)
      fiber->state = Fiber::State::kRunnable;
  }
}

std::optional<int64_t> SimEnv::earliest_deadline() const {
  int64_t earliest = INT64_MAX;
  for (Fiber* fiber : live_) {
    if (fiber->state != Fiber::State::kRunnable) earliest = std::min(earliest, fiber->deadline);
  }
  return earliest == INT64_MAX ? std::nullopt : std::optional(earliest);
}

Fiber* SimEnv::next_runnable() {
  now_ += 1 + static_cast<int64_t>(random_.below(static_cast<size_t>(options_.max_step_nanos)));
  if (random_.chance(options_.timer_probability)) {
    if (auto deadline = earliest_deadline()) now_ = std::max(now_, *deadline);
  }
  wake_due();
  auto runnable = [](const Fiber* fiber) { return fiber->state == Fiber::State::kRunnable; };
  auto count = static_cast<size_t>(std::count_if(live_.begin(), live_.end(), runnable));
  if (count == 0) {
    auto deadline = earliest_deadline();
    if (!deadline) return nullptr;
    now_ = std::max(now_, *deadline);
    wake_due();
    count = static_cast<size_t>(std::count_if(live_.begin(), live_.end(), runnable));
  }
  size_t chosen = random_.below(count);
  for (Fiber* fiber : live_) {
    if (runnable(fiber) && chosen-- == 0) return fiber;
  }
  return nullptr;
}

void SimEnv::note(std::string_view line) {
  if (!options_.trace) return;
  char prefix[96];
  std::snprintf(prefix, sizeof prefix, "%8llu %12.6f ms ", static_cast<unsigned long long>(steps_),
                static_cast<double>(now_) / 1e6);
  options_.trace(prefix + (current_ ? current_->name : std::string("scheduler")) + ": " + std::string(line));
}

std::string SimEnv::describe_fibers() const {
  std::string out;
  for (const Fiber* fiber : live_) {
    out += "  " + std::to_string(fiber->id) + " " + fiber->name + ": " + name_of(fiber->state) + " at " +
           fiber->where;
    if (fiber->deadline != INT64_MAX)
      out += " until " + std::to_string(static_cast<double>(fiber->deadline) / 1e6) + " ms";
    out += "\n";
  }
  return out;
}

}  // namespace hull::simulation
