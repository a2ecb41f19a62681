#include "base/error.h"

namespace hull {

Error Error::bad_request(std::string_view code, std::string message) {
  return {ErrorKind::kBadRequest, std::string(code), std::move(message), std::nullopt};
}
Error Error::limit(std::string_view code, std::string message) {
  return {ErrorKind::kLimit, std::string(code), std::move(message), std::nullopt};
}
Error Error::unauthenticated(std::string_view code, std::string message) {
  return {ErrorKind::kUnauthenticated, std::string(code), std::move(message), std::nullopt};
}
Error Error::forbidden(std::string_view code, std::string message) {
  return {ErrorKind::kForbidden, std::string(code), std::move(message), std::nullopt};
}
Error Error::not_found(std::string_view code, std::string message) {
  return {ErrorKind::kNotFound, std::string(code), std::move(message), std::nullopt};
}
Error Error::overloaded(std::string_view code, std::string message) {
  return {ErrorKind::kOverloaded, std::string(code), std::move(message), std::nullopt};
}
Error Error::internal(std::string detail) {
  return {ErrorKind::kInternal, "InternalServerError", std::move(detail), std::nullopt};
}
Error Error::out_of_retention() {
  return {ErrorKind::kOutOfRetention, "InternalServerError", std::string(kInternalServerErrorText),
          std::nullopt};
}

std::string_view Error::public_code() const {
  return kind == ErrorKind::kInternal ? std::string_view("InternalServerError") : std::string_view(code);
}
std::string_view Error::public_message() const {
  return kind == ErrorKind::kInternal ? kInternalServerErrorText : std::string_view(message);
}

int http_status(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kBadRequest:
    case ErrorKind::kLimit:
      return 400;
    case ErrorKind::kUnauthenticated:
      return 401;
    case ErrorKind::kForbidden:
      return 403;
    case ErrorKind::kNotFound:
      return 404;
    case ErrorKind::kConflict:
      return 409;
    case ErrorKind::kTooLarge:
      return 413;
    case ErrorKind::kUnsupportedMedia:
      return 415;
    case ErrorKind::kRateLimited:
      return 429;
    case ErrorKind::kInternal:
      return 500;
    case ErrorKind::kOverloaded:
    case ErrorKind::kOcc:
    case ErrorKind::kOutOfRetention:
      return 503;
  }
  return 500;
}

}  // namespace hull
