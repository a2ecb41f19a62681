// JSON text to values and back (value/json.h), in all formats, and the order-preserving keys made of them
// (value/key.h).
#include "value/json.h"

#include "fuzz/fuzz_target.h"
#include "value/value.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hull;
  std::string_view text = fuzz_text(data, size);
  if (auto value = parse_convex_json(text); value.ok()) {
    std::string canonical = to_json(*value);
    auto again = parse_convex_json(canonical);
    fuzz_check(again.ok(), "canonical text parses");
    fuzz_check(compare(value->view(), again->view()) == 0, "values survive a round trip");
    fuzz_check(to_json(*again) == canonical, "canonical text is canonical");
    fuzz_check(parse_plain_json(to_plain_json(*value)).ok(), "plain text parses");
  }
  if (auto value = parse_plain_json(text); value.ok()) (void)to_json(*value);
  (void)split_json_object(text);
  (void)split_json_array(text);
  return 0;
}
