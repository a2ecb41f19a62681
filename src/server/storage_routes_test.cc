// What the storage routes refuse before they touch a file.
#include "functions/file_store.h"
#include "functions/upload_token.h"
#include "server/pipeline_fixture.h"

namespace hull {
namespace {

class StorageRoutesTest : public PipelineTest {
 protected:
  StorageRoutesTest() : files_(FileStoreOptions{nullptr, nullptr, &knobs_, &secret_, "test", ""}) {
    context_.files = &files_;
  }
  HttpResponse upload(const std::string& token, HeaderList headers = {}) {
    return send("POST", "/api/storage/upload?token=" + token, std::move(headers));
  }
  std::string token(int64_t age_s = 0, std::string_view instance = "test") const {
    return make_upload_token(secret_, instance, static_cast<int64_t>(unix_millis() / 1000) - age_s);
  }
  FileStore files_;
};

void expect_error(const HttpResponse& response, int status, std::string_view code, std::string_view message) {
  EXPECT_EQ(response.status, status) << response.body;
  EXPECT_NE(response.body.find("\"code\":\"" + std::string(code) + "\""), std::string::npos) << response.body;
  EXPECT_NE(response.body.find(message), std::string::npos) << response.body;
}

TEST_F(StorageRoutesTest, UploadsNeedAValidToken) {
  expect_error(send("POST", "/api/storage/upload"), 400, "BadQueryArgs", "token");
  expect_error(upload("abc"), 401, "StorageTokenInvalid", "Couldn't decode the StoreFileAuthorization token");
  expect_error(upload(token(kUploadTokenLifeS)), 401, "StorageTokenExpired",
               "Store File Authorization expired");
  expect_error(upload(token(0, "other")), 401, "InvalidStorageToken", "");
}

TEST_F(StorageRoutesTest, UploadHeadersAreChecked) {
  for (const char* type : {"png", "image/png x", "a/b;c=\"\xe4\""}) {
    expect_error(upload(token(), {{"Content-Type", type}}), 400, "BadHeader",
                 "Bad header for content-type: ");
  }
  for (const char* digest :
       {"", "sha-256",
        "sha-256=", "SHA-256=LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=", "sha-256=eA==", "md5=eA=="}) {
    expect_error(upload(token(), {{"Digest", digest}}), 400, "BadHeader", "Bad header for digest: ");
  }
  const std::string good = "sha-256=LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=";
  expect_error(upload(token(), {{"Digest", good}, {"digest", good}}), 400, "BadHeader",
               "Bad header for digest: ");
}

TEST_F(StorageRoutesTest, OnlyUuidsNameFiles) {
  for (const char* path : {"x", "kg24t8wc208bsw2pxvr2kfcmk98jyc31", "%22"}) {
    expect_error(send("GET", "/api/storage/" + std::string(path)), 400, "InvalidStoragePath",
                 "Please use `storage.getUrl(storageId: Id<\\\"_storage\\\">)` to generate a valid URL");
  }
  expect_error(send("GET", "/api/storage/%ff"), 400, "BadPathArgs", "Invalid URL: ");
  const std::string file = "/api/storage/6f6c0a4e-0f0e-4f7b-9d6b-0123456789ab?component=";
  expect_error(send("GET", file + "x"), 400, "BadQueryArgs", "Invalid component id");
  expect_error(send("GET", file + DocumentId{512 + 32, InternalId{}}.text()), 404, "FileNotFound",
               " not found");
}

TEST_F(StorageRoutesTest, PreflightNeedsNoToken) {
  auto response =
      send("OPTIONS", "/api/storage/upload",
           {{"Origin", "http://app.example"}, {"Access-Control-Request-Headers", "content-type"}});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(find_header(response.headers, "Access-Control-Allow-Origin"), "http://app.example");
  EXPECT_EQ(find_header(response.headers, "Access-Control-Allow-Headers"), "content-type");
}

}  // namespace
}  // namespace hull
