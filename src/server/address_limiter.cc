#include "server/address_limiter.h"

namespace hull {
namespace {

constexpr double kFullRetryS = 5;  // somebody has to leave first

}  // namespace

AddressLimiter::Address* AddressLimiter::find_locked(const std::string& text, IpAddress& key) {
  auto parsed = IpAddress::parse(text);
  if (!parsed || limits_.proxies_for_limits().contains(*parsed)) return nullptr;
  key = parsed->limited_network();
  Address& address = addresses_[key];
  touch_locked(key, address);
  return &address;
}

void AddressLimiter::touch_locked(const IpAddress& key, Address& address) {
  if (address.idle) idle_.erase(*address.idle);
  address.idle.reset();
  if (address.open + address.websockets > 0) return;
  address.idle = idle_.insert(idle_.end(), key);
  if (idle_.size() > kMaxAddresses) {
    addresses_.erase(idle_.front());
    idle_.pop_front();
  }
}

AddressLimiter::Admission AddressLimiter::connect(const std::string& peer) {
  std::lock_guard lock(mutex_);
  if (limits_.max_connections != 0 && open_ >= limits_.max_connections)
    return {nullptr, Refusal{kFullRetryS}};
  IpAddress key;
  std::optional<IpAddress> counted;
  if (Address* address = find_locked(peer, key)) {
    if (limits_.max_connections_per_address != 0 && address->open >= limits_.max_connections_per_address)
      return {nullptr, Refusal{kFullRetryS}};
    if (double wait_s = address->connections.take(limits_.connections, now_ns_()); wait_s > 0)
      return {nullptr, Refusal{wait_s}};
    ++address->open;
    touch_locked(key, *address);
    counted = key;
  }
  ++open_;
  return {Permit(this, [counted](AddressLimiter* self) { self->close(counted, false); }), std::nullopt};
}

AddressLimiter::Admission AddressLimiter::upgrade(const std::string& client) {
  std::lock_guard lock(mutex_);
  IpAddress key;
  Address* address = find_locked(client, key);
  if (address == nullptr) return {};
  if (limits_.max_websockets_per_address != 0 && address->websockets >= limits_.max_websockets_per_address)
    return {nullptr, Refusal{kFullRetryS}};
  if (double wait_s = address->upgrades.take(limits_.upgrades, now_ns_()); wait_s > 0)
    return {nullptr, Refusal{wait_s}};
  ++address->websockets;
  touch_locked(key, *address);
  return {Permit(this, [key](AddressLimiter* self) { self->close(key, true); }), std::nullopt};
}

std::optional<AddressLimiter::Refusal> AddressLimiter::request(const std::string& client) {
  if (!limits_.requests.limited()) return std::nullopt;
  std::lock_guard lock(mutex_);
  IpAddress key;
  Address* address = find_locked(client, key);
  if (address == nullptr) return std::nullopt;
  const double wait_s = address->requests.take(limits_.requests, now_ns_());
  return wait_s > 0 ? std::optional(Refusal{wait_s}) : std::nullopt;
}

void AddressLimiter::close(std::optional<IpAddress> key, bool websocket) {
  std::lock_guard lock(mutex_);
  if (!websocket) --open_;
  if (!key) return;
  auto it = addresses_.find(*key);
  --(websocket ? it->second.websockets : it->second.open);
  touch_locked(*key, it->second);
}

size_t AddressLimiter::open() const {
  std::lock_guard lock(mutex_);
  return open_;
}

size_t AddressLimiter::remembered() const {
  std::lock_guard lock(mutex_);
  return addresses_.size();
}

}  // namespace hull
