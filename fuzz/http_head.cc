// What requests carry before their body: target, query, client version, addresses (server/http_types.h,
// client_version.h). Lines of the input: target, Convex-Client, X-Forwarded-For, Content-Type.
#include <vector>

#include "fuzz/fuzz_target.h"
#include "server/client_version.h"
#include "server/context.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hull;
  std::string_view rest = fuzz_text(data, size);
  std::vector<std::string> lines;
  while (lines.size() < 4) {
    size_t end = rest.find('\n');
    lines.emplace_back(rest.substr(0, end));
    rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
  }
  HttpRequest request;
  set_target(request, lines[0]);
  request.headers.emplace_back("Convex-Client", lines[1]);
  request.headers.emplace_back("X-Forwarded-For", lines[2]);
  request.headers.emplace_back("Content-Type", lines[3]);
  fuzz_check(request.client_ip().size() <= 256, "an address is short");
  (void)is_json_content_type(request.header("content-type"));
  (void)percent_decode(lines[0], false);
  auto client = ClientVersion::of(request, lines[3]);
  if (client.ok()) {
    (void)client->state();
    (void)client->deprecation_message();
    (void)client->accepts_transition_chunks();
    if (client->version) {
      auto again = Semver::parse(client->version->text());
      fuzz_check(again && *again <= *client->version && *client->version <= *again,
                 "versions survive a round trip");
    }
  }
  return 0;
}
