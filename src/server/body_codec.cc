#include "server/body_codec.h"

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#include <memory>

#include "server/http_types.h"

namespace hull {
namespace {

constexpr size_t kChunk = 64 * 1024;

Error too_large(size_t max_size) {
  return Error::bad_request("BadJsonBody",
                            "Failed to buffer the request body: length limit exceeded (limit: " +
                                std::to_string(max_size) + " bytes after decompression)");
}

Error damaged(std::string_view encoding) {
  return Error::bad_request("BadJsonBody",
                            "The request body is not valid " + std::string(encoding) + " data");
}

Result<std::string> decode_brotli(std::string_view body, size_t max_size) {
  std::unique_ptr<BrotliDecoderState, void (*)(BrotliDecoderState*)> state(
      BrotliDecoderCreateInstance(nullptr, nullptr, nullptr), BrotliDecoderDestroyInstance);
  if (!state) return Error::internal("cannot create a brotli decoder");
  std::string out;
  const uint8_t* next_in = reinterpret_cast<const uint8_t*>(body.data());
  size_t available_in = body.size();
  while (true) {
    size_t size = out.size();
    out.resize(size + kChunk);
    uint8_t* next_out = reinterpret_cast<uint8_t*>(out.data() + size);
    size_t available_out = kChunk;
    auto result = BrotliDecoderDecompressStream(state.get(), &available_in, &next_in, &available_out,
                                                &next_out, nullptr);
    out.resize(size + kChunk - available_out);
    if (out.size() > max_size) return too_large(max_size);
    if (result == BROTLI_DECODER_RESULT_SUCCESS) {
      if (available_in != 0) return damaged("brotli");
      return out;
    }
    if (result != BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) return damaged("brotli");
  }
}

// `window_bits`: zlib's choice of container; 31 = gzip, 15 = zlib, -15 = raw.
Result<std::string> decode_zlib(std::string_view encoding, std::string_view body, int window_bits,
                                size_t max_size) {
  z_stream stream{};
  if (inflateInit2(&stream, window_bits) != Z_OK) return Error::internal("cannot create an inflate stream");
  std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  std::string out;
  while (true) {
    size_t size = out.size();
    out.resize(size + kChunk);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + size);
    stream.avail_out = kChunk;
    int result = inflate(&stream, Z_NO_FLUSH);
    out.resize(size + kChunk - stream.avail_out);
    if (out.size() > max_size) return too_large(max_size);
    if (result == Z_STREAM_END) return out;
    if (result != Z_OK || (stream.avail_in == 0 && stream.avail_out != 0)) return damaged(encoding);
  }
}

// zlib's container, as the standard has it, or none, as some clients do: the first byte tells.
bool has_zlib_header(std::string_view body) {
  return body.size() >= 2 && (body[0] & 0x0f) == Z_DEFLATED &&
         (static_cast<unsigned char>(body[0]) * 256 + static_cast<unsigned char>(body[1])) % 31 == 0;
}

Result<std::string> decode_zstd(std::string_view body, size_t max_size) {
  std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  if (!context) return Error::internal("cannot create a zstd decoder");
  std::string out;
  ZSTD_inBuffer in{body.data(), body.size(), 0};
  while (true) {
    size_t size = out.size();
    out.resize(size + kChunk);
    ZSTD_outBuffer piece{out.data() + size, kChunk, 0};
    size_t left = ZSTD_decompressStream(context.get(), &piece, &in);
    out.resize(size + piece.pos);
    if (ZSTD_isError(left) != 0) return damaged("zstd");
    if (out.size() > max_size) return too_large(max_size);
    if (left == 0 && in.pos == in.size) return out;
    if (in.pos == in.size && piece.pos < kChunk) return damaged("zstd");
  }
}

}  // namespace

Result<std::string> decode_body(std::string_view encoding, std::string body, size_t max_size) {
  std::string name = lower_case(trim(encoding));
  if (name.empty() || name == "identity") {
    if (body.size() > max_size) return too_large(max_size);
    return body;
  }
  if (name == "br") return decode_brotli(body, max_size);
  if (name == "gzip" || name == "x-gzip") return decode_zlib(name, body, 15 + 16, max_size);
  if (name == "deflate") return decode_zlib(name, body, has_zlib_header(body) ? 15 : -15, max_size);
  if (name == "zstd") return decode_zstd(body, max_size);
  return Error{ErrorKind::kUnsupportedMedia, "UnsupportedContentEncoding",
               "Content-Encoding '" + name + "' is not supported. Use br, gzip, deflate or zstd."};
}

}  // namespace hull
