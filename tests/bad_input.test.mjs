// Malformed requests get the spec's answers and harm nothing.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, it } from "node:test";
import WebSocket from "ws";
import { useApp } from "./lib/fixture.mjs";

const hull = useApp("tests/app");

async function expectError(response, status, code) {
  assert.equal(response.status, status);
  const body = await response.json();
  assert.equal(body.code, code);
  assert.equal(typeof body.message, "string");
}

describe("HTTP", () => {
  const json = { "Content-Type": "application/json" };
  it("bodies", async () => {
    await expectError(await hull.server.post("/api/query", "{nonsense"), 400, "BadJsonBody");
    await expectError(await hull.server.post("/api/query", '{"args":{}}'), 400, "BadJsonBody");
    await expectError(await hull.server.post("/api/query", '{"path":5,"args":{}}'), 400, "BadJsonBody");
    await expectError(await hull.server.post("/api/query", "{}", { headers: { "Content-Type": "text/plain" } }), 400, "BadJsonBody");
    await expectError(await hull.server.post("/api/mutation", { path: "notes:add", args: { text: "x".repeat(17 << 20), rank: 1 } }), 400, "BadJsonBody");
    await expectError(await hull.server.post("/api/query", { path: "a b:c", args: {} }), 400, "BadConvexFunctionIdentifier");
    await expectError(await hull.server.post("/api/query", { path: "facts:fresh", args: {}, format: "xml" }), 400, "BadFormat");
  });
  it("routes, methods, CORS", async () => {
    const missing = await fetch(`${hull.server.url}/api/nowhere`);
    assert.equal(missing.status, 404);
    assert.equal(await missing.text(), "");
    assert.equal((await fetch(`${hull.server.url}/api/mutation`)).status, 405);
    const preflight = await fetch(`${hull.server.url}/api/query`, { method: "OPTIONS", headers: { Origin: "http://app.test", "Access-Control-Request-Headers": "x-a" } });
    assert.equal(preflight.status, 200);
    assert.equal(preflight.headers.get("access-control-allow-origin"), "http://app.test");
    assert.equal(preflight.headers.get("access-control-allow-headers"), "x-a");
    await expectError(await hull.server.post("/api/query", { path: "facts:fresh", args: {} }, { headers: { "Convex-Client": "foo" } }), 400, "InvalidClientVersion");
  });
  it("keys", async () => {
    const header = (value) => ({ headers: { ...json, Authorization: value } });
    await expectError(await hull.server.get("/api/v1/get_canonical_urls", header("Convex wrong|00")), 401, "BadAdminKey");
    await expectError(await hull.server.get("/api/v1/get_canonical_urls"), 403, "BadDeployKey");
    await expectError(await hull.server.get("/api/v1/get_canonical_urls", header("Basic abcdef")), 400, "InvalidAdminKey");
    await expectError(await hull.server.get("/api/v1/get_canonical_urls", header("x")), 400, "InvalidHeaderFailure");
    assert.deepEqual(await (await hull.server.get("/api/check_admin_key", { key: true })).json(), { success: true, allowedOps: [], isReadOnly: false });
    await expectError(await hull.server.post("/api/get_config_hashes", { version: "1.48.0", adminKey: "bad" }), 403, "BadDeployKey");
  });
  it("routes that are not built yet answer at once", async () => {
    const response = await hull.server.post("/api/export/request/zip", {}, { key: true });
    assert.equal(response.status, 400);
    assert.equal(typeof (await response.json()).message, "string");
  });
});

function socket(path = "/api/1.48.0/sync") {
  const ws = new WebSocket(hull.server.url.replace("http", "ws") + path);
  const messages = [];
  ws.on("message", (data) => messages.push(JSON.parse(data)));
  const closed = new Promise((done) => ws.on("close", (code, reason) => done({ code, reason: String(reason) })));
  const opened = new Promise((done, fail) => ws.on("open", done).on("error", fail));
  return { ws, messages, closed, opened };
}

describe("websocket", () => {
  it("text that is not JSON, missing fields, binary frames", async () => {
    for (const bad of ["{", '{"type":"ModifyQuerySet"}', '{"type":"Mutation","requestId":"x","udfPath":"a:b","args":[{}]}']) {
      const { ws, messages, closed, opened } = socket();
      await opened;
      ws.send(bad);
      await closed;
      assert.equal(messages.at(-1)?.type, "FatalError", bad);
      assert.match(messages.at(-1).error, /Received Invalid JSON on websocket/);
    }
    const binary = socket();
    await binary.opened;
    binary.ws.send(Buffer.from([1, 2, 3]));
    assert.ok([1003, 1011].includes((await binary.closed).code));
  });
  it("a message of an unknown type is ignored", async () => {
    const { ws, messages, opened } = socket();
    await opened;
    ws.send('{"type":"Nonsense"}');
    ws.send('{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[]}');
    await new Promise((done) => ws.once("message", done));
    assert.equal(messages[0].type, "Transition");
    ws.close();
  });
  it("broken frames and upgrades", async () => {
    const raw = connect(hull.server.port, "127.0.0.1");
    raw.write(
      "GET /api/1.48.0/sync HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    await new Promise((done) => raw.once("data", done));
    raw.write(Buffer.alloc(64, 0xff));
    raw.on("error", () => {});
    raw.resume();
    await new Promise((done) => raw.once("close", done));
    const response = await fetch(`${hull.server.url}/api/foo/sync`);
    assert.equal(response.status, 400);
    assert.equal((await response.json()).code, "InvalidClientVersion");
  });
  it("a wrong admin key is an AuthError, an unknown function a failed query", async () => {
    const { ws, messages, closed, opened } = socket();
    await opened;
    ws.send('{"type":"Connect","sessionId":"6b1f3c54-7f1e-4b0a-9d2c-0a1b2c3d4e5f","connectionCount":0,"lastCloseReason":null}');
    ws.send('{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[{"type":"Add","queryId":0,"udfPath":"no:thing","args":[{}]}]}');
    while (!messages.some((message) => message.type === "Transition")) await new Promise((done) => ws.once("message", done));
    const transition = messages.find((message) => message.type === "Transition");
    assert.deepEqual(transition.startVersion, { querySet: 0, identity: 0, ts: "AAAAAAAAAAA=" });
    assert.equal(transition.modifications[0].type, "QueryFailed");
    assert.equal("errorData" in transition.modifications[0], false);
    ws.send('{"type":"Authenticate","baseVersion":0,"tokenType":"Admin","value":"bad|00"}');
    await closed;
    assert.equal(messages.at(-1).type, "AuthError");
    assert.equal(messages.at(-1).authUpdateAttempted, true);
  });
  it("the server is as before", async () => assert.equal((await hull.server.call("query", "facts:fresh")).value, 1));
});
