// For the tests of this room: requests to the Pipeline over a fake backend, without sockets.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "base/envelope.h"
#include "server/fake_backend.h"
#include "server/pipeline.h"
#include "services/admin_keys.h"

namespace hull {

class PipelineTest : public ::testing::Test {
 protected:
  PipelineTest() : secret_(InstanceSecret::generate()), auth_(&secret_, "test"), pool_(1), compressor_(1) {
    context_.knobs = &knobs_;
    context_.pool = &pool_;
    context_.compressor = &compressor_;
    context_.limiter = &limiter_;
    context_.runner = &runner_;
    context_.auth = &auth_;
    context_.instance_name = "test";
    context_.version = "1.0";
    context_.cloud_origin = "http://127.0.0.1:3210";
    context_.ready = true;
    pipeline_ = std::make_unique<Pipeline>(context_);
    runner_.data["tasks:get"] = "{\"$integer\":\"BQAAAAAAAAA=\"}";
    runner_.auto_reply = [](FakeRunner::Pending& call) { call.done(FakeRunner::success("1.0", {7})); };
  }

  HttpResponse send(const std::string& method, const std::string& target, HeaderList headers = {},
                    std::string body = "") {
    auto request = std::make_shared<HttpRequest>();
    request->method = method;
    set_target(*request, target);
    request->headers = std::move(headers);
    request->body = std::move(body);
    std::optional<HttpResponse> response;
    pipeline_->handle(request, [&](HttpResponse r) {
      EXPECT_FALSE(response) << "answered twice";
      response = std::move(r);
    });
    EXPECT_TRUE(response) << target;
    return response.value_or(HttpResponse{});
  }
  HttpResponse post(const std::string& target, std::string body, HeaderList headers = {}) {
    headers.emplace_back("Content-Type", "application/json");
    return send("POST", target, std::move(headers), std::move(body));
  }
  std::string admin_header(bool read_only = false) const {
    AdminKeyClaims claims;
    claims.issued_s = 1767225600;
    claims.read_only = read_only;
    return "Convex " + mint_admin_key(secret_, "test", claims);
  }

  Knobs knobs_;
  InstanceSecret secret_;
  Authenticator auth_;
  FakeRunner runner_;
  AddressLimiter limiter_{NetworkLimits()};
  BlockingPool pool_, compressor_;
  ServerContext context_;
  std::unique_ptr<Pipeline> pipeline_;
};

}  // namespace hull
