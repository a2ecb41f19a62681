// Result<T>: a T or an Error. Result<void> has no value. Dereferencing an error is a programming fault
// (aborts).
#pragma once

#include <cstdlib>
#include <utility>
#include <variant>

#include "base/error.h"

namespace hull {

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit by design
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    check();
    return std::get<0>(state_);
  }
  const T& value() const& {
    check();
    return std::get<0>(state_);
  }
  // By value, so that `for (auto& x : *f())` keeps the container alive.
  T value() && {
    check();
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  Error& error() & { return std::get<1>(state_); }
  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  void check() const {
    if (!ok()) std::abort();
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT: implicit by design
  bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  Error& error() & { return error_; }
  const Error& error() const& { return error_; }
  Error&& error() && { return std::move(error_); }

 private:
  Error error_;
  bool ok_ = true;
};

}  // namespace hull

#define HULL_CONCAT_(a, b) a##b
#define HULL_CONCAT(a, b) HULL_CONCAT_(a, b)
// HULL_TRY(x, expr): evaluates a Result; returns its error from the enclosing function or binds `x` to the
// value.
#define HULL_TRY(decl, expr)                                                                          \
  auto HULL_CONCAT(result_, __LINE__) = (expr);                                                       \
  if (!HULL_CONCAT(result_, __LINE__).ok()) return std::move(HULL_CONCAT(result_, __LINE__)).error(); \
  decl = std::move(HULL_CONCAT(result_, __LINE__)).value()
#define HULL_CHECK_OK(expr)                                                                        \
  do {                                                                                             \
    if (auto check_result_ = (expr); !check_result_.ok()) return std::move(check_result_).error(); \
  } while (false)
