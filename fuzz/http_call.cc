// Bodies of function calls over HTTP (server/function_call.h). The first byte chooses the client.
#include "fuzz/fuzz_target.h"
#include "server/context.h"
#include "server/function_call.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hull;
  if (size == 0) return 0;
  constexpr std::string_view kClients[] = {"npm-1.48.0", "npm-1.2.0", "python-0.4.0", "rust-0.10.2"};
  auto client = ClientVersion::parse(kClients[data[0] % std::size(kClients)]);
  fuzz_check(client.ok(), "the client's version parses");
  std::string_view body = fuzz_text(data + 1, size - 1);
  auto call = parse_http_call(body, *client);
  if (call.ok() && !call->bad_args) {
    // The answer to a function that returns its argument must be JSON in every format.
    for (JsonFormat format : {JsonFormat::kConvex, JsonFormat::kClean}) {
      auto answer = parse_plain_json(render_success(call->args, {}, format, false));
      fuzz_check(answer.ok(), "an answer is JSON");
    }
    std::string shown =
        render_failure({"text\n", call->args_json}, "0123456789abcdef", {}, JsonFormat::kConvex, false);
    fuzz_check(parse_plain_json(shown).ok(), "a failure is JSON");
  }
  HttpRequest request;
  request.headers.emplace_back("Content-Type", "application/json");
  request.body = body;
  request.body_limit = body.size();
  if (auto object = json_body(request); object.ok()) {
    (void)string_field(*object, "name");
    (void)optional_string_field(*object, "value");
  }
  return 0;
}
