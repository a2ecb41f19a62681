// Errors as values.
//
// An Error is what a caller can be told: a kind (which decides the HTTP status and what a websocket does,
// http-api.md §15), the spec's short code, a text for people, and, for a thrown ConvexError, its data.
// Exceptions are kept for faults (out of memory, a broken invariant); everything that bad input or a full
// disk can cause travels as an Error in a Result.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hull {

enum class ErrorKind {
  kBadRequest,        // 400; deterministic, the caller's fault
  kLimit,             // 400; a per-call limit was reached (ends a page early instead of failing it)
  kUnauthenticated,   // 401
  kForbidden,         // 403
  kNotFound,          // 404
  kConflict,          // 409
  kTooLarge,          // 413; push bodies only
  kUnsupportedMedia,  // 415
  kRateLimited,       // 429
  kInternal,          // 500; text shown to callers is always the generic one
  kOverloaded,        // 503
  kOcc,               // 503; OptimisticConcurrencyControlFailure
  kOutOfRetention,    // 503 with code InternalServerError
};

struct Error {
  ErrorKind kind = ErrorKind::kInternal;
  std::string code;                      // CamelCase, e.g. "BadJsonBody"
  std::string message;                   // shown to the caller unless kind is kInternal
  std::optional<std::string> data_json;  // ConvexError data as Convex JSON

  static Error bad_request(std::string_view code, std::string message);
  static Error limit(std::string_view code, std::string message);
  static Error unauthenticated(std::string_view code, std::string message);
  static Error forbidden(std::string_view code, std::string message);
  static Error not_found(std::string_view code, std::string message);
  static Error overloaded(std::string_view code, std::string message);
  // `detail` is for the server's log only.
  static Error internal(std::string detail);
  static Error out_of_retention();

  // Deterministic errors are thrown into user code and reported as function errors; others are system errors.
  bool is_deterministic() const {
    return kind == ErrorKind::kBadRequest || kind == ErrorKind::kLimit ||
           kind == ErrorKind::kUnauthenticated || kind == ErrorKind::kForbidden ||
           kind == ErrorKind::kConflict;
  }
  // Code and text as they may leave the server: internal errors become the generic pair.
  std::string_view public_code() const;
  std::string_view public_message() const;
};

int http_status(ErrorKind kind);

inline constexpr std::string_view kInternalServerErrorText =
    "Your request couldn't be completed. Try again later.";

}  // namespace hull
