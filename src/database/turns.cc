#include "database/turns.h"

#include <algorithm>
#include <utility>

namespace hull {
namespace {

bool touches(const std::vector<TouchedKey>& keys, const ReadSet& reads) {
  return std::any_of(keys.begin(), keys.end(),
                     [&](const TouchedKey& key) { return reads.contains(key.index, key.key); });
}

}  // namespace

class Turns::Place final : public Turn {
 public:
  Place(std::shared_ptr<Turns> owner, ReadSet reads, std::vector<TouchedKey> keys)
      : owner_(std::move(owner)), reads_(std::move(reads)), keys_(std::move(keys)) {}
  ~Place() override { owner_->give_up(*this); }

  void when_ready(std::function<void()> ready) override {
    {
      std::lock_guard lock(owner_->mutex_);
      if (blockers_ > 0) {
        on_ready_ = std::move(ready);
        return;
      }
    }
    ready();
  }

  bool overlaps(const Place& other) const {
    return touches(keys_, other.reads_) || touches(other.keys_, reads_);
  }

 private:
  friend class Turns;
  const std::shared_ptr<Turns> owner_;
  const ReadSet reads_;
  const std::vector<TouchedKey> keys_;
  // All guarded by owner_->mutex_.
  std::list<Place*>::iterator position_;
  size_t blockers_ = 0;          // earlier places that overlap
  std::vector<Place*> blocked_;  // later places that this one is a blocker of
  int64_t ready_until_ = 0;      // set when ready
  std::function<void()> on_ready_;
};

std::shared_ptr<Turn> Turns::take(ReadSet reads, std::vector<TouchedKey> keys) {
  auto place = std::make_shared<Place>(shared_from_this(), std::move(reads), std::move(keys));
  const int64_t now = env_.monotonic_nanos();
  std::lock_guard lock(mutex_);
  place->position_ = places_.end();
  if (places_.size() >= kMaxPlaces) return nullptr;
  for (Place* earlier : places_) {
    if (!earlier->overlaps(*place)) continue;
    earlier->blocked_.push_back(place.get());
    ++place->blockers_;
  }
  if (place->blockers_ == 0) place->ready_until_ = now + kMaxHoldNs;
  place->position_ = places_.insert(places_.end(), place.get());
  count_.store(places_.size(), std::memory_order_relaxed);
  return place;
}

void Turns::give_up(Place& place) {
  std::vector<std::function<void()>> ready;
  const int64_t now = env_.monotonic_nanos();
  {
    std::lock_guard lock(mutex_);
    if (place.position_ == places_.end()) return;
    places_.erase(place.position_);
    count_.store(places_.size(), std::memory_order_relaxed);
    for (Place* later : place.blocked_) {
      if (--later->blockers_ > 0) continue;
      later->ready_until_ = now + kMaxHoldNs;
      if (later->on_ready_) ready.push_back(std::exchange(later->on_ready_, nullptr));
    }
    // Nobody may hold on to the place that goes away.
    if (place.blockers_ > 0) {
      for (Place* earlier : places_) std::erase(earlier->blocked_, &place);
    }
  }
  for (auto& callback : ready) callback();
}

const TouchedKey* Turns::spoils(const std::vector<TouchedKey>& keys, const Turn* own) const {
  if (count_.load(std::memory_order_relaxed) == 0) return nullptr;
  const int64_t now = env_.monotonic_nanos();
  std::lock_guard lock(mutex_);
  for (const Place* place : places_) {
    if (place == own) return nullptr;
    if (place->blockers_ > 0 || now > place->ready_until_) continue;
    for (const TouchedKey& key : keys)
      if (place->reads_.contains(key.index, key.key)) return &key;
  }
  return nullptr;
}

}  // namespace hull
