#include "server/response_coding.h"

#include <brotli/encode.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <charconv>
#include <memory>

namespace hull {
namespace {

constexpr size_t kMinBytes = 1024;
// Fast levels: an answer is read once.
constexpr int kZstdLevel = 3, kBrotliQuality = 4, kGzipLevel = 4;

struct Coding {
  ContentCoding coding;
  std::string_view name;
};
// The cheapest first.
constexpr std::array<Coding, 3> kCodings = {{
    {ContentCoding::kZstd, "zstd"},
    {ContentCoding::kBrotli, "br"},
    {ContentCoding::kGzip, "gzip"},
}};

// The q parameter of an element of Accept-Encoding; 0 if it cannot be read.
double quality(std::string_view parameters) {
  while (!parameters.empty()) {
    size_t end = parameters.find(';');
    std::string_view parameter = trim(parameters.substr(0, end));
    parameters.remove_prefix(end == std::string_view::npos ? parameters.size() : end + 1);
    if (parameter.size() < 2 || (parameter[0] != 'q' && parameter[0] != 'Q')) continue;
    std::string_view value = trim(parameter.substr(1));
    if (value.empty() || value[0] != '=') continue;
    value = trim(value.substr(1));
    double q = 0;
    auto [rest, error] = std::from_chars(value.data(), value.data() + value.size(), q);
    return error == std::errc() && rest == value.data() + value.size() && q >= 0 && q <= 1 ? q : 0;
  }
  return 1;
}

// The quality the header gives to a coding; nullopt if it does not speak of it.
std::optional<double> quality_of(std::string_view header, std::string_view name) {
  std::optional<double> any;
  while (!header.empty()) {
    size_t end = header.find(',');
    std::string_view element = trim(header.substr(0, end));
    header.remove_prefix(end == std::string_view::npos ? header.size() : end + 1);
    size_t semicolon = element.find(';');
    std::string_view coding = trim(element.substr(0, semicolon));
    std::string_view parameters =
        semicolon == std::string_view::npos ? std::string_view() : element.substr(semicolon + 1);
    if (equals_ignoring_case(coding, name) || (name == "gzip" && equals_ignoring_case(coding, "x-gzip"))) {
      return quality(parameters);
    }
    if (coding == "*") any = quality(parameters);
  }
  return any;
}

std::optional<std::string> to_zstd(std::string_view body) {
  std::string out(ZSTD_compressBound(body.size()), '\0');
  size_t size = ZSTD_compress(out.data(), out.size(), body.data(), body.size(), kZstdLevel);
  if (ZSTD_isError(size) != 0) return std::nullopt;
  out.resize(size);
  return out;
}

std::optional<std::string> to_brotli(std::string_view body) {
  std::string out(BrotliEncoderMaxCompressedSize(body.size()), '\0');
  size_t size = out.size();
  if (out.empty() || BrotliEncoderCompress(kBrotliQuality, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_TEXT,
                                           body.size(), reinterpret_cast<const uint8_t*>(body.data()), &size,
                                           reinterpret_cast<uint8_t*>(out.data())) == BROTLI_FALSE) {
    return std::nullopt;
  }
  out.resize(size);
  return out;
}

std::optional<std::string> to_gzip(std::string_view body) {
  z_stream stream{};
  if (deflateInit2(&stream, kGzipLevel, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return std::nullopt;
  }
  std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, deflateEnd);
  std::string out(deflateBound(&stream, body.size()), '\0');
  if (body.size() > UINT32_MAX || out.size() > UINT32_MAX) return std::nullopt;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) return std::nullopt;
  out.resize(stream.total_out);
  return out;
}

}  // namespace

ContentCoding choose_coding(std::string_view accept_encoding) {
  ContentCoding best = ContentCoding::kIdentity;
  // As it is, the body is acceptable at the lowest rank unless the client says more.
  double best_quality = quality_of(accept_encoding, "identity").value_or(0);
  for (const Coding& each : kCodings) {
    double q = quality_of(accept_encoding, each.name).value_or(0);
    bool better = best == ContentCoding::kIdentity ? q > 0 && q >= best_quality : q > best_quality;
    if (!better) continue;
    best = each.coding;
    best_quality = q;
  }
  return best;
}

bool is_compressible(const HttpResponse& response) {
  if (response.stream || response.body.size() < kMinBytes) return false;
  if (find_header(response.headers, "Content-Encoding")) return false;
  auto type = find_header(response.headers, "Content-Type");
  return type && (type->starts_with("application/json") || type->starts_with("text/"));
}

void compress(HttpResponse& response, ContentCoding coding) {
  std::optional<std::string> coded;
  if (coding == ContentCoding::kZstd) coded = to_zstd(response.body);
  if (coding == ContentCoding::kBrotli) coded = to_brotli(response.body);
  if (coding == ContentCoding::kGzip) coded = to_gzip(response.body);
  if (!coded || coded->size() >= response.body.size()) return;
  response.body = std::move(*coded);
  for (const Coding& each : kCodings) {
    if (each.coding == coding) response.headers.emplace_back("Content-Encoding", std::string(each.name));
  }
}

}  // namespace hull
