#include "functions/fair_queue.h"

#include <algorithm>
#include <iterator>

namespace hull {

namespace {

constexpr double kUnknownCostS = 0.005;
constexpr size_t kMaxFlows = 4096;
// How much the last call says about the next.
constexpr double kWeightOfLast = 0.5;

}  // namespace

double FairQueue::expected_s(const Flow& flow) { return flow.typical_s > 0 ? flow.typical_s : kUnknownCostS; }

void FairQueue::push(PoolJob job) {
  if (flows_.size() >= kMaxFlows) forget_idle_flows();
  auto& entry = *flows_.try_emplace(job.function).first;
  Flow& flow = entry.second;
  if (flow.turns.empty()) {
    flow.next_start = std::max(flow.next_start, now_);
    waiting_.emplace(flow.next_start, &entry);
  }
  auto [caller, added] = flow.callers.try_emplace(job.caller);
  if (added) caller->second = flow.turns.insert(flow.turns.end(), {job.caller, {}});
  caller->second->jobs.push_back(std::move(job));
  ++size_;
}

std::optional<PoolJob> FairQueue::pop(const std::function<bool(const PoolJob&)>& admit) {
  for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
    auto* entry = it->second;
    Flow& flow = entry->second;
    Caller& caller = flow.turns.front();
    if (!admit(caller.jobs.front())) continue;
    waiting_.erase(it);
    PoolJob job = std::move(caller.jobs.front());
    caller.jobs.pop_front();
    if (caller.jobs.empty()) {
      flow.callers.erase(caller.name);
      flow.turns.pop_front();
    } else {
      flow.turns.splice(flow.turns.end(), flow.turns, flow.turns.begin());
    }
    --size_;
    now_ = std::max(now_, flow.next_start);
    flow.next_start += expected_s(flow);
    if (!flow.turns.empty()) waiting_.emplace(flow.next_start, entry);
    return job;
  }
  return std::nullopt;
}

void FairQueue::charge(const std::string& function, double seconds) {
  auto it = flows_.find(function);
  if (it == flows_.end()) return;
  Flow& flow = it->second;
  const double correction = seconds - expected_s(flow);
  flow.typical_s = flow.typical_s > 0 ? kWeightOfLast * seconds + (1 - kWeightOfLast) * flow.typical_s
                                      : std::max(seconds, 1e-6);
  if (!flow.turns.empty()) waiting_.erase({flow.next_start, &*it});
  flow.next_start = std::max(flow.next_start + correction, now_);
  if (!flow.turns.empty()) waiting_.emplace(flow.next_start, &*it);
}

bool FairQueue::known_fast(const std::string& function) const {
  auto it = flows_.find(function);
  return it != flows_.end() && it->second.typical_s > 0 && it->second.typical_s < kFastS;
}

std::deque<PoolJob> FairQueue::take_all() {
  std::deque<PoolJob> all;
  for (auto& [start, entry] : waiting_) {
    Flow& flow = entry->second;
    for (Caller& caller : flow.turns)
      std::move(caller.jobs.begin(), caller.jobs.end(), std::back_inserter(all));
    flow.turns.clear();
    flow.callers.clear();
  }
  waiting_.clear();
  size_ = 0;
  return all;
}

void FairQueue::forget_idle_flows() {
  std::erase_if(flows_, [this](const auto& entry) {
    const Flow& flow = entry.second;
    return flow.turns.empty() && flow.next_start <= now_;
  });
}

}  // namespace hull
