#include "functions/call.h"

#include <gtest/gtest.h>

#include "value/json.h"

namespace hull {
namespace {

TEST(FunctionCall, TakesItsTurnAsItsSocketElseAsAddressAndUser) {
  FunctionCall call;
  call.context.client_ip = "10.0.0.1";
  EXPECT_EQ(call.caller_name(), "10.0.0.1");
  auto user = std::make_shared<Identity>();
  user->kind = Identity::Kind::kUser;
  user->attributes = *parse_plain_json(R"({"tokenIdentifier":"issuer|ann"})");
  call.identity = user;
  EXPECT_EQ(call.caller_name(), "10.0.0.1 issuer|ann");
  call.context.client = "socket 7";
  EXPECT_EQ(call.caller_name(), "socket 7");
}

}  // namespace
}  // namespace hull
