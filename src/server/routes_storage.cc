// Uploading and serving stored files (file-storage.md §4, §5).
#include "base/encoding.h"
#include "base/time.h"
#include "functions/file_store.h"
#include "functions/lookup.h"
#include "functions/media_type.h"
#include "server/byte_range.h"
#include "server/router.h"
#include "value/json.h"

namespace hull {
namespace {

constexpr std::string_view kDigestPrefix = "sha-256=";
constexpr std::string_view kCacheControl = "private, max-age=2592000";
// Content up to this size leaves in one piece with the head.
constexpr uint64_t kAtOnce = 256 << 10;

Result<void> require_running(const Catalog& catalog) {
  if (!stopped_text(catalog)) return {};
  return Error::bad_request("BackendIsNotRunning",
                            "Cannot perform this operation when the backend is not running");
}

Error bad_header(std::string_view name, std::string_view why) {
  return Error::bad_request("BadHeader", "Bad header for " + std::string(name) + ": " + std::string(why));
}

// --- Upload ---

struct UploadHead {
  std::optional<std::string> content_type, sha256;
};

Result<std::string> parse_digest(std::string_view header) {
  if (!header.starts_with(kDigestPrefix)) return bad_header("digest", "expected sha-256=<base64>");
  auto digest = base64_decode(header.substr(kDigestPrefix.size()));
  if (!digest || digest->size() != 32) return bad_header("digest", "expected the base64 of 32 bytes");
  return *std::move(digest);
}

Result<UploadHead> parse_upload(const ServerContext& context, const HttpRequest& request) {
  auto token = request.query_value("token");
  if (!token) {
    return Error::bad_request("BadQueryArgs", "Failed to deserialize query string: missing field `token`");
  }
  HULL_CHECK_OK(context.files->check_token(*token, static_cast<int64_t>(unix_millis() / 1000)));
  HULL_CHECK_OK(require_running(*context.catalog()));
  UploadHead head;
  // Pages that pass on the type of a File send an empty one if the browser does not know it.
  if (auto type = request.header("Content-Type"); type && !trim(*type).empty()) {
    head.content_type = normalized_media_type(*type);
    if (!head.content_type) return bad_header("content-type", "not a media type");
  }
  bool has_digest = false;
  for (const auto& [name, value] : request.headers) {
    if (!equals_ignoring_case(name, "Digest")) continue;
    if (std::exchange(has_digest, true)) return bad_header("digest", "more than one digest");
    HULL_TRY(head.sha256, parse_digest(value));
  }
  return head;
}

void upload(ServerContext& context, RequestPtr request, ClientVersion, Responder respond) {
  auto head = parse_upload(context, *request);
  if (!head.ok()) return respond(HttpResponse::error(head.error()));
  context.files->receive(request->body_stream, head->sha256,
                         [files = context.files, content_type = head->content_type,
                          respond = std::move(respond)](Result<StoredBytes> stored) {
                           if (!stored.ok()) return respond(HttpResponse::error(stored.error()));
                           auto id = files->insert(*stored, content_type);
                           if (!id.ok()) return respond(HttpResponse::error(id.error()));
                           respond(HttpResponse::json("{\"storageId\":" + json_string(id->text()) + "}"));
                         });
}

// --- Serving ---

// Only the root component exists.
Result<void> check_component(const Catalog& catalog, std::optional<std::string_view> component) {
  if (!component || component->empty()) return {};
  auto id = DocumentId::parse(*component);
  if (!id.ok()) return Error::bad_request("BadQueryArgs", "Invalid component id: " + id.error().message);
  for (const DocumentPtr& row : catalog.system_rows("_components")) {
    if (row->id == *id) return {};
  }
  return Error::not_found("FileNotFound", "Component " + std::string(*component) + " not found");
}

Result<std::string> parse_download(const ServerContext& context, const HttpRequest& request) {
  const std::string& path = request.params.front();
  auto uuid = parse_uuid(path);
  if (!uuid) {
    return Error::bad_request(
        "InvalidStoragePath",
        "Invalid storage path: \"" + path +
            "\". Please use `storage.getUrl(storageId: Id<\"_storage\">)` to generate a "
            "valid URL to retrieve files. See "
            "https://docs.convex.dev/file-storage/serve-files for more details");
  }
  auto catalog = context.catalog();
  HULL_CHECK_OK(require_running(*catalog));
  HULL_CHECK_OK(check_component(*catalog, request.query_value("component")));
  return *std::move(uuid);
}

void add_validators(const std::string& etag, HttpResponse& response) {
  response.headers.emplace_back("ETag", etag);
  response.headers.emplace_back("Cache-Control", std::string(kCacheControl));
}

// The part that the request asks for. Only GET has ranges (RFC 9110 §14.2).
ByteRange wanted_range(const HttpRequest& request, uint64_t size, std::string_view etag) {
  if (request.method != "GET") return {};
  if (auto condition = request.header("If-Range"); condition && trim(*condition) != etag) return {};
  return choose_range(request.header("Range"), size);
}

Result<HttpResponse> serve(FileStore& files, const HttpRequest& request, const std::string& uuid) {
  HULL_TRY(auto file, files.find_by_uuid(uuid));
  if (!file) return Error::not_found("FileNotFound", "File " + uuid + " not found");
  const uint64_t size = file->bytes.size;
  const std::string etag = "\"" + hex_encode(file->bytes.sha256) + "\"";
  HttpResponse response;
  auto known = request.header("If-None-Match");
  if (known && etag_matches(*known, etag)) {
    response.status = 304;
    add_validators(etag, response);
    return response;
  }
  const ByteRange range = wanted_range(request, size, etag);
  if (range.kind == ByteRange::Kind::kUnsatisfiable) {
    response.status = 416;
    response.headers.emplace_back("Content-Range", "bytes */" + std::to_string(size));
    return response;
  }
  const bool whole = range.kind == ByteRange::Kind::kWhole;
  const uint64_t first = whole ? 0 : range.first, length = whole ? size : range.size;
  if (whole) {
    response.headers.emplace_back("Digest", std::string(kDigestPrefix) + base64_encode(file->bytes.sha256));
  } else {
    response.status = 206;
    response.headers.emplace_back("Content-Range", "bytes " + std::to_string(first) + "-" +
                                                       std::to_string(first + length - 1) + "/" +
                                                       std::to_string(size));
  }
  add_validators(etag, response);
  response.headers.emplace_back("Accept-Ranges", "bytes");
  response.headers.emplace_back("Content-Length", std::to_string(length));
  if (file->content_type) {  // else browsers have to look at the content
    response.headers.emplace_back("Content-Type", *file->content_type);
    response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  }
  HULL_TRY(auto reader, files.open(file->bytes));
  if (request.method == "HEAD") return response;
  if (length > kAtOnce) {
    response.stream = files.send(std::move(reader), first, length);
  } else {
    HULL_TRY(response.body, reader->read(first, length));
  }
  return response;
}

void download(ServerContext& context, RequestPtr request, ClientVersion, Responder respond) {
  auto uuid = parse_download(context, *request);
  if (!uuid.ok()) return respond(HttpResponse::error(uuid.error()));
  context.files->read_later([files = context.files, request, uuid = *uuid, respond = std::move(respond)] {
    auto response = serve(*files, *request, uuid);
    respond(response.ok() ? *std::move(response) : HttpResponse::error(response.error()));
  });
}

}  // namespace

void add_storage_routes(Router& router) {
  RouteOptions up;
  up.streams_body = true;
  up.body_may_take_long = true;
  up.hide_query = true;  // the token
  router.add("POST", "/api/storage/upload", upload, up);
  RouteOptions down;
  down.compress = false;
  down.hide_path = true;  // whoever has the URL can read the file
  router.add("GET", "/api/storage/{uuid}", download, down);
}

}  // namespace hull
