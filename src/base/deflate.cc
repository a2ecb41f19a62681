#include "base/deflate.h"

#include <zlib.h>

#include <algorithm>
#include <new>

namespace hull {
namespace {

constexpr int kLevel = 3;  // about 70 MB/s of JSON; higher levels save little and cost much
constexpr size_t kMaxStored = 65535;

Bytef* input(std::string_view text) { return reinterpret_cast<Bytef*>(const_cast<char*>(text.data())); }

struct Deflater {
  Deflater() {
    if (deflateInit2(&stream, kLevel, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
  }
  ~Deflater() { deflateEnd(&stream); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;
  z_stream stream{};
};

struct Inflater {
  Inflater() {
    if (inflateInit2(&stream, -15) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  z_stream stream{};
};

}  // namespace

std::string deflate_run(std::string_view text) {
  thread_local Deflater deflater;
  z_stream& stream = deflater.stream;
  deflateReset(&stream);
  std::string out(deflateBound(&stream, text.size()) + 16, '\0');
  stream.next_in = input(text);
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_SYNC_FLUSH);  // the buffer is large enough for all of it
  out.resize(out.size() - stream.avail_out);
  out.shrink_to_fit();
  return out;
}

void append_stored_run(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const size_t size = std::min(text.size(), kMaxStored);
    const auto length = static_cast<uint16_t>(size);
    const auto complement = static_cast<uint16_t>(~length);
    const char head[] = {0, static_cast<char>(length & 0xff), static_cast<char>(length >> 8),
                         static_cast<char>(complement & 0xff), static_cast<char>(complement >> 8)};
    out.append(head, sizeof head);
    out.append(text.substr(0, size));
    text.remove_prefix(size);
  }
}

InflateStatus inflate_message(std::string_view message, size_t max_size, std::string& out) {
  thread_local Inflater inflater;
  z_stream& stream = inflater.stream;
  inflateReset(&stream);
  size_t used = out.size();
  for (std::string_view part : {message, kDeflateTail}) {
    stream.next_in = input(part);
    stream.avail_in = static_cast<uInt>(part.size());
    for (;;) {
      if (used == out.size()) {
        // A string that grows by less than double doubles by itself: the last step goes to the limit from
        // below half.
        size_t size = std::max(2 * used, used + 4 * message.size() + 256);
        if (size > max_size / 2) size = std::max(used, max_size);
        out.resize(size);
      }
      // With no room left, one byte more tells a message of exactly the limit from a longer one.
      Bytef beyond = 0;
      const bool full = used == out.size();
      stream.next_out = full ? &beyond : reinterpret_cast<Bytef*>(out.data() + used);
      stream.avail_out = full ? 1 : static_cast<uInt>(out.size() - used);
      const uInt room = stream.avail_out;
      const int result = inflate(&stream, Z_SYNC_FLUSH);
      const uInt made = room - stream.avail_out;
      if (full && made > 0) return InflateStatus::kTooLarge;
      used += made;
      if (result == Z_STREAM_END) {  // a final block: the next message starts anew, and nothing may follow
        out.resize(used);
        const bool ended = stream.avail_in == 0 || part.data() == kDeflateTail.data();
        return ended ? InflateStatus::kOk : InflateStatus::kDamaged;
      }
      if (result != Z_OK && result != Z_BUF_ERROR) return InflateStatus::kDamaged;
      if (stream.avail_in == 0 && stream.avail_out > 0) break;
      if (result == Z_BUF_ERROR && made == 0 && stream.avail_out > 0) return InflateStatus::kDamaged;
    }
  }
  out.resize(used);
  // A whole message leaves the decoder between two blocks, on a byte boundary.
  constexpr int kBetweenBlocks = 128;
  return stream.data_type == kBetweenBlocks ? InflateStatus::kOk : InflateStatus::kDamaged;
}

}  // namespace hull
