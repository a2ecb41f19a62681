// Each bad input of the sync protocol: what is answered, how the socket is closed, and that others are not affected.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { useApp } from "./lib/fixture.mjs";
import { rawRequest } from "./lib/raw_http.mjs";
import { SyncSocket, add, remove } from "./lib/sync_socket.mjs";

const hull = useApp("tests/app");
const sockets = [];
after(() => sockets.forEach((socket) => socket.close()));
async function open(options) {
  const socket = await SyncSocket.open(hull.server, options);
  sockets.push(socket);
  return socket;
}

const UUID = "6b1f3c54-7f1e-4b0a-9d2c-0a1b2c3d4e5f";
const text = (message) => (typeof message === "string" ? message : JSON.stringify(message));

describe("malformed messages", () => {
  const request = { requestId: 0, udfPath: "counters:bump", args: [{ name: "x" }] };
  const modify = (modification) => ({ type: "ModifyQuerySet", baseVersion: 0, newVersion: 1, modifications: [modification] });
  const { udfPath: _path, ...withoutPath } = add(0, "facts:fresh");
  const { args: _args, ...withoutArgs } = add(0, "facts:fresh");
  const cases = [
    ["not JSON", "{"],
    ["an empty message", ""],
    ["not an object", "[]"],
    ["a string", '"Connect"'],
    ["no type", "{}"],
    ["a type that is no string", { type: 7 }],
    ["text behind the object", '{"type":"Event","eventType":"x","event":0} x'],
    ["Connect: no session", { type: "Connect", connectionCount: 0, lastCloseReason: null }],
    ["Connect: a bad UUID", { type: "Connect", sessionId: "6b1f3c547f1e4b0a9d2c0a1b2c3d4e5f", connectionCount: 0 }],
    ["Connect: a bad ts", { type: "Connect", sessionId: UUID, connectionCount: 0, maxObservedTimestamp: "AAAA" }],
    ["Connect: a negative ts", { type: "Connect", sessionId: UUID, connectionCount: 0, maxObservedTimestamp: "AAAAAAAAAIA=" }],
    ["Connect: clientTs is no number", { type: "Connect", sessionId: UUID, connectionCount: 0, clientTs: "now" }],
    ["ModifyQuerySet: no modifications", { type: "ModifyQuerySet", baseVersion: 0, newVersion: 1 }],
    ["ModifyQuerySet: modifications are no array", { type: "ModifyQuerySet", baseVersion: 0, newVersion: 1, modifications: {} }],
    ["ModifyQuerySet: no base version", { type: "ModifyQuerySet", newVersion: 1, modifications: [] }],
    ["ModifyQuerySet: a fraction", { type: "ModifyQuerySet", baseVersion: 0, newVersion: 1.5, modifications: [] }],
    ["ModifyQuerySet: a version beyond 32 bits", { type: "ModifyQuerySet", baseVersion: 0, newVersion: 2 ** 32, modifications: [] }],
    ["ModifyQuerySet: an unknown modification", modify({ type: "Modify", queryId: 0 })],
    ["Add: no path", modify(withoutPath)],
    ["Add: no arguments", modify(withoutArgs)],
    ["Add: two arguments", modify({ ...add(0, "facts:fresh"), args: [{}, {}] })],
    ["Add: no id", modify({ ...add(0, "facts:fresh"), queryId: undefined })],
    ["Add: a negative id", modify(add(-1, "facts:fresh"))],
    ["Add: a journal that is no string", modify(add(0, "facts:fresh", {}, { journal: 5 }))],
    ["Remove: no id", modify({ type: "Remove" })],
    ["Mutation: no request id", { type: "Mutation", ...request, requestId: undefined }],
    ["Mutation: a request id that is a string", { type: "Mutation", ...request, requestId: "0" }],
    ["Mutation: arguments that are no array", { type: "Mutation", ...request, args: {} }],
    ["Action: no path", { type: "Action", ...request, udfPath: null }],
    ["Authenticate: an unknown kind", { type: "Authenticate", baseVersion: 0, tokenType: "Magic" }],
    ["Authenticate: no value", { type: "Authenticate", baseVersion: 0, tokenType: "User" }],
    ["Authenticate: nobody to act as", { type: "Authenticate", baseVersion: 0, tokenType: "Admin", value: "x", impersonating: { name: "Ada" } }],
  ];
  for (const [what, message] of cases) {
    it(what, async () => {
      const socket = await open();
      socket.raw(text(message));
      assert.equal((await socket.closed).code, 1005);
      assert.equal(socket.messages.length, 1);
      assert.deepEqual(Object.keys(socket.messages[0]).sort(), ["error", "type"]);
      assert.equal(socket.messages[0].type, "FatalError");
      assert.match(socket.messages[0].error, /^Received Invalid JSON on websocket: ./);
    });
  }
});

describe("what the protocol forbids closes the socket with 1011", () => {
  const version = (baseVersion, newVersion, ...modifications) => ({ type: "ModifyQuerySet", baseVersion, newVersion, modifications });
  const cases = [
    ["another base version", [version(1, 2)]],
    ["the same base version twice", [version(0, 1), version(0, 1)]],
    ["a new version that is not above", [version(0, 0)]],
    ["a live id", [version(0, 1, add(0, "facts:fresh")), version(1, 2, add(0, "facts:fresh"))]],
    ["one id twice in a batch", [version(0, 1, add(0, "facts:fresh"), add(0, "facts:fresh"))]],
    ["an unknown id", [version(0, 1, remove(3))]],
    ["one removal twice", [version(0, 1, add(0, "facts:fresh"), remove(0), remove(0))]],
    ["another identity version", [{ type: "Authenticate", baseVersion: 1, tokenType: "None" }]],
  ];
  for (const [what, messages] of cases) {
    it(what, async () => {
      const socket = await open();
      socket.querySet = 2;
      messages.forEach((message) => socket.send(message));
      assert.deepEqual(await socket.closed, { code: 1011, reason: "InternalServerError" });
      assert.ok(socket.messages.every(({ type }) => type === "Transition"));
    });
  }
});

describe("bad frames", () => {
  it("binary", async () => {
    const socket = await open();
    socket.ws.send(Buffer.from("{}"));
    assert.ok([1003, 1011].includes((await socket.closed).code));
  });
  it("text that is not UTF-8", async () => {
    const socket = await open();
    socket.ws.send(Buffer.from([0x22, 0xff, 0xfe, 0x22]), { binary: false });
    assert.equal((await socket.closed).code, 1007);
  });
  it("a message of 64 MiB and more", { timeout: 60_000 }, async () => {
    const socket = await open();
    socket.raw(`{"type":"Event","eventType":"${"x".repeat(65 << 20)}","event":0}`);
    assert.ok([1006, 1009, 1011].includes((await socket.closed).code));
  });
});

describe("what is only a failed result, or nothing", () => {
  it("odd paths, arguments and components", async () => {
    const socket = await open();
    socket.connect();
    socket.modify(
      add(0, "a b:c"),
      add(1, "../../etc/passwd:default"),
      add(2, ""),
      add(3, "facts:fresh", { $bad: 1 }),
      add(4, "facts:fresh", 5),
      add(5, "facts:fresh", {}, { componentPath: "waitlist" }),
      add(6, "facts:fresh", {}, { componentPath: "" }),
      add(7, "facts:fresh", {}, { componentPath: null }),
      add(8, "_system/cli/convexUrl:cloudUrl"),
      add(9, "notes:page", { paginationOpts: { numItems: 1, cursor: null } }, { journal: "nonsense" }),
    );
    await socket.nextTransition();
    for (const id of [0, 1, 2, 3, 4, 5, 8, 9]) assert.equal(socket.queries.get(id).type, "QueryFailed", `query ${id}`);
    assert.match(socket.queries.get(5).errorMessage, /\nOnly admin or system users can call functions on non-root components directly\n$/);
    assert.equal(socket.queries.get(6).value, 1);
    assert.equal(socket.queries.get(7).value, 1);
    assert.deepEqual(socket.queries.get(9).errorData, { isConvexSystemError: true, paginationError: "InvalidCursor" });
    for (const path of ["a b:c", "", "x".repeat(10_000), "facts:fresh"]) {
      assert.equal((await socket.mutate(path)).success, false);
      assert.equal((await socket.call("Action", path)).success, false);
    }
    assert.equal((await socket.mutate("counters:bump", { name: "path without an app in front" })).success, true);
  });
  it("unknown messages, fields and events", async () => {
    const socket = await open();
    socket.connect({ unknown: [1, { a: null }], clientTs: null });
    socket.send({ type: "Nonsense", a: 1 });
    socket.send({ type: "Event", eventType: "ClientConnect", event: [{ name: "clientConstructed", startTime: 1.5 }] });
    socket.send({ type: "Event" });
    socket.send({ type: "ModifyQuerySet", baseVersion: 0, newVersion: ++socket.querySet, modifications: [add(0, "facts:fresh", {}, { unknown: 1 })], more: 1 });
    assert.equal((await socket.nextTransition()).modifications[0].value, 1);
  });
  it("rejected credentials are an AuthError", async () => {
    for (const [tokenType, error] of [
      ["Admin", "The provided admin key was invalid for this instance"],
      ["User", undefined],
    ]) {
      const socket = await open();
      socket.authenticate(tokenType, { value: "nonsense" });
      assert.equal((await socket.closed).code, 1005);
      const [message] = socket.messages;
      assert.equal(message.type, "AuthError");
      assert.equal(message.baseVersion, 0);
      assert.equal(message.authUpdateAttempted, true);
      if (error !== undefined) assert.equal(message.error, error);
    }
  });
});

describe("upgrades", () => {
  const GOOD = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" };
  async function upgrade({ path = "/api/1.48.0/sync", method = "GET", headers = {} } = {}) {
    const lines = Object.entries({ ...GOOD, ...headers }).filter(([, value]) => value !== undefined);
    const raw = rawRequest(hull.server.port, [`${method} ${path} HTTP/1.1`, "Host: h", "Content-Length: 0", ...lines.map(([k, v]) => `${k}: ${v}`)]);
    await raw.seen("\r\n\r\n");
    if (!raw.text.startsWith("HTTP/1.1 101")) await raw.seen("}");
    raw.socket.destroy();
    const body = raw.text.slice(raw.text.indexOf("\r\n\r\n") + 4);
    return { status: Number(raw.text.split(" ")[1]), head: raw.text, ...(body.startsWith("{") ? JSON.parse(body) : {}) };
  }
  for (const [what, options, code] of [
    ["a version that is none", { path: "/api/foo/sync" }, "InvalidClientVersion"],
    ["a client header that is none", { headers: { "Convex-Client": "foo" } }, "InvalidClientVersion"],
    ["an old client", { path: "/api/0.18.0/sync" }, "ClientVersionUnsupported"],
    ["another method", { method: "POST" }, "MethodNotGet"],
    ["no Connection", { headers: { Connection: "keep-alive" } }, "InvalidConnectionHeader"],
    ["no Upgrade", { headers: { Upgrade: undefined } }, "InvalidUpgradeHeader"],
    ["another protocol", { headers: { Upgrade: "h2c" } }, "InvalidUpgradeHeader"],
    ["another websocket version", { headers: { "Sec-WebSocket-Version": "8" } }, "InvalidWebSocketVersionHeader"],
    ["no key", { headers: { "Sec-WebSocket-Key": undefined } }, "WebSocketKeyHeaderMissing"],
  ]) {
    it(what, async () => {
      const answer = await upgrade(options);
      assert.equal(answer.status, 400);
      assert.equal(answer.code, code);
      assert.equal(/x-convex-deprecation-state: Unsupported/i.test(answer.head), code === "ClientVersionUnsupported");
    });
  }
  it("through a proxy that drops the headers: the answer and the log name what it needs", async () => {
    const advice = /proxy_set_header Upgrade \$http_upgrade; proxy_set_header Connection "upgrade";/;
    for (let i = 0; i < 3; i++) {
      const answer = await upgrade({ headers: { Connection: "close", Upgrade: undefined } });
      assert.equal(answer.code, "InvalidConnectionHeader");
      assert.match(answer.message, advice);
    }
    const logged = hull.server.logLines().filter((line) => advice.test(line));
    assert.equal(logged.length, 1, "at most once a minute");
  });
  it("good ones", async () => {
    for (const path of ["/api/1.48.0/sync", "/api/sync", "//api/1.48.0/sync", "/api/1.0.0-alpha.1/sync?x=1"]) {
      assert.equal((await upgrade({ path })).status, 101, path);
    }
    assert.equal((await upgrade({ headers: { Connection: "keep-alive, Upgrade", Upgrade: "WebSocket" } })).status, 101);
  });
});

describe("afterwards", () => {
  it("the server is as before", async () => {
    const socket = await open();
    socket.modify(add(0, "facts:fresh"));
    assert.equal((await socket.nextTransition()).modifications[0].value, 1);
    assert.equal(hull.server.process.exitCode, null);
  });
});
