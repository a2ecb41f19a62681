#include "deploy/push_request.h"

#include <gtest/gtest.h>

#include "value/json.h"

namespace hull {
namespace {

std::string body(std::string_view app_members, std::string_view more = "") {
  return R"({"adminKey":"k","functions":"convex/","appDefinition":{"definition":null,"dependencies":[],)"
         R"("schema":null,)" +
         std::string(app_members) + R"(,"udfServerVersion":"1.48.0"},"componentDefinitions":[],)" +
         R"("nodeDependencies":[])" + std::string(more) + "}";
}
Result<PushRequest> parse(const std::string& json) {
  auto parsed = PushBody::parse(json);
  EXPECT_TRUE(parsed.ok()) << json;
  return PushRequest::parse(*std::move(parsed));
}
std::string text(const PackedText& packed) { return *unpack_text(packed); }
std::string failure(const std::string& json) {
  auto result = parse(json);
  return result.ok() ? "" : result.error().code + ": " + result.error().message;
}
std::string module_named(std::string_view path, std::string_view more = "") {
  return body(R"("changedModules":[{"path":")" + std::string(path) + R"(","source":"")" + std::string(more) +
              "}]");
}

TEST(PushRequestTest, ReadsModulesHashesAndDefaults) {
  auto request = parse(
      body(R"("changedModules":[{"path":"a/b.js","source":"x","sourceMap":"m","environment":"isolate"},)"
           R"({"path":"actions/n.js","source":""},{"path":"c","source":""}],)"
           R"("unchangedModuleHashes":[{"path":"u.js","environment":"isolate","sha256":")" +
           std::string(64, 'A') + "\"}]"));
  ASSERT_TRUE(request.ok()) << request.error().message;
  EXPECT_FALSE(request->dry_run);
  ASSERT_EQ(request->changed.size(), 3u);
  EXPECT_EQ(text(request->changed[0].source_map), "m");
  EXPECT_EQ(request->changed[0].sha256, module_hash("x", "m"));
  EXPECT_EQ(request->changed[1].environment, "node");
  EXPECT_EQ(request->changed[2].path, "c.js");
  EXPECT_EQ(request->changed[2].environment, "isolate");
  EXPECT_EQ(request->unchanged[0].sha256, std::string(64, 'a'));
  EXPECT_EQ(request->server_version, "1.48.0");
  EXPECT_TRUE(request->node.empty());
  EXPECT_TRUE(request->uses_node());
  // The field's name in older CLIs.
  EXPECT_TRUE(parse(body(R"("functions":[{"path":"a.js","source":""}])")).ok());
}

TEST(PushRequestTest, LongTextsAreCompressedWhileTheBodyIsRead) {
  std::string source(100'000, 'a'), map(50'000, 'b');
  auto request = parse(body(R"("changedModules":[{"sourceMap":")" + map + R"(","path":"a.js","source":")" +
                            source + R"("},{"path":"b.js","source":"s"}])"));
  ASSERT_TRUE(request.ok()) << request.error().message;
  EXPECT_LT(request->changed[0].source.frame.size(), 1000u);
  EXPECT_EQ(text(request->changed[0].source), source);
  EXPECT_EQ(text(request->changed[0].source_map), map);
  EXPECT_EQ(request->changed[0].sha256, module_hash(source, map));
  EXPECT_EQ(text(request->changed[1].source), "s");
  // A long text where none belongs is as wrong as any other.
  EXPECT_TRUE(failure(body(R"("changedModules":[{"source":"","path":")" + source + "\"}]"))
                  .starts_with("BadJsonBody"));
  EXPECT_EQ(failure(body(R"("changedModules":[{"path":"a.js"}])")), "BadJsonBody: missing field `source`");
}

TEST(PushRequestTest, RefusesBadContentWithInvalidConfig) {
  EXPECT_TRUE(failure(module_named("my-file.js"))
                  .starts_with("InvalidConfig: my-file.js is not a valid path to a Convex module. "));
  EXPECT_TRUE(failure(module_named("/a.js")).starts_with("InvalidConfig: "));
  EXPECT_TRUE(failure(module_named("a.ts")).starts_with("InvalidConfig: "));
  EXPECT_TRUE(failure(module_named("a.js", R"(,"environment":"browser")")).starts_with("InvalidConfig: "));
  EXPECT_EQ(failure(module_named("_system/a.js")),
            "InvalidConfig: You cannot push functions under the '_system/' directory.");
  EXPECT_TRUE(failure(body(R"("changedModules":[],"unchangedModuleHashes":[{"path":"u.js","sha256":"ab"}])"))
                  .starts_with("InvalidConfig: "));
  EXPECT_EQ(failure(body(R"("changedModules":[])", R"(,"nodeVersion":"19")")),
            "InvalidConfig: Invalid node version: 19");
  EXPECT_TRUE(failure(body(R"("changedModules":[])", R"(,"nodeVersion":"18")"))
                  .starts_with("InvalidConfig: Node 18 is no longer supported."));
  EXPECT_EQ(failure(body(R"("changedModules":[{"path":"a","source":""},{"path":"a.js","source":""}])")),
            "CanonicalizationConflict: Multiple modules canonicalize to the same name.");
}

TEST(PushRequestTest, RefusesBadShapeWithBadJsonBody) {
  EXPECT_EQ(failure("{}"), "BadJsonBody: missing field `functions`");
  EXPECT_EQ(failure(R"({"functions":"convex/"})"), "BadJsonBody: missing field `appDefinition`");
  EXPECT_EQ(failure(body(R"("changedModules":5)")),
            "BadJsonBody: invalid type of field `changedModules`: expected an array");
  EXPECT_EQ(failure(body(R"("changedModules":[{"path":"a.js"}])")), "BadJsonBody: missing field `source`");
}

TEST(PushRequestTest, NamesWhatIsNotSupported) {
  auto node = parse(module_named("n.js", R"(,"environment":"node")"));
  EXPECT_TRUE(node->uses_node());
  EXPECT_TRUE(check_supported(*node).ok());
  auto crons = parse(module_named("crons.js", R"(,"environment":"node")"));
  EXPECT_EQ(check_supported(*crons).error().message, "\"use node\" directive is not allowed for crons.js.");
  PushRequest components;
  components.component_paths.push_back("../node_modules/x");
  EXPECT_EQ(check_supported(components).error().code, "ComponentsUnsupported");
  EXPECT_EQ(http_status(check_supported(components).error().kind), 400);
}

}  // namespace
}  // namespace hull
