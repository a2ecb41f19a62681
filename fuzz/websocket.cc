// Bytes of websocket clients (server/websocket_reader.h) and compression (base/deflate.h). The first byte
// chooses whether compression was agreed on, and in what pieces the bytes come.
#include <simdjson.h>

#include <algorithm>

#include "base/deflate.h"
#include "fuzz/fuzz_target.h"
#include "server/websocket_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hull;
  using Kind = WebsocketReader::Kind;
  constexpr size_t kMaxMessage = 1 << 16;
  if (size == 0) return 0;
  WebsocketReader reader((data[0] & 1) != 0, kMaxMessage);
  const size_t piece = 1 + (data[0] >> 1);
  std::string_view rest = fuzz_text(data + 1, size - 1);
  bool failed = false;
  while (!rest.empty() && !failed) {
    std::string_view input = rest.substr(0, piece);
    rest.remove_prefix(input.size());
    for (;;) {
      WebsocketReader::Event event = reader.next(input);
      if (event.kind == Kind::kNothing) break;
      fuzz_check(event.payload.size() <= kMaxMessage, "messages are bounded");
      if (event.kind == Kind::kText)
        fuzz_check(simdjson::validate_utf8(event.payload.data(), event.payload.size()), "text is UTF-8");
      if (event.kind == Kind::kPing || event.kind == Kind::kPong || event.kind == Kind::kClose)
        fuzz_check(event.payload.size() <= 125, "control frames are short");
      if (event.kind == Kind::kViolation) {
        fuzz_check(event.code >= 1002 && event.code <= 1010, "a violation has a code");
        failed = true;
        break;
      }
    }
  }
  std::string_view text = fuzz_text(data + 1, size - 1);
  std::string run = deflate_run(text), again;
  fuzz_check(run.ends_with(kDeflateTail), "a run ends on a byte boundary");
  run.resize(run.size() - kDeflateTail.size());
  fuzz_check(inflate_message(run, text.size(), again) == InflateStatus::kOk && again == text,
             "compression loses nothing");
  return 0;
}
