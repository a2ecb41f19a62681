// The React hooks in Chromium, in StrictMode, over a line with some delay: every state that was on the screen counts.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { preloadQuery } from "convex/nextjs";
import { anyApi as api } from "convex/server";
import { FaultyProxy } from "./lib/faulty_proxy.mjs";
import { useApp } from "./lib/fixture.mjs";
import { useReactPages } from "./lib/react_page.mjs";

describe("React hooks", { timeout: 300_000 }, () => {
  const hull = useApp("tests/apps/react");
  const pages = useReactPages();
  let proxy;
  before(async () => {
    proxy = await FaultyProxy.start(hull.server.url);
    proxy.delayMs = 20;
  });
  after(() => proxy.close());
  const send = (room, key) => hull.server.call("mutation", "messages:send", { room, key });

  describe("queries", () => {
    let page;
    before(async () => {
      for (const key of ["a1", "a2"]) await send("a", key);
      await send("b", "b1");
      page = await pages.open("Queries", proxy.url);
    });
    after(() => page.close());

    it("skip, then arguments, other arguments, skip again: never the result of others", async () => {
      await page.untilEqual("single", { args: "skip", list: "loading" });
      await page.act("setArgs", { room: "a" });
      await page.untilEqual("single", { args: { room: "a" }, list: ["a1", "a2"] });
      await page.act("setArgs", { room: "b" });
      await page.untilEqual("single", { args: { room: "b" }, list: ["b1"] });
      await send("b", "b2");
      await page.untilEqual("single", { args: { room: "b" }, list: ["b1", "b2"] });
      await page.act("setArgs", "skip");
      assert.deepEqual(await page.untilEqual("single", { args: "skip", list: "loading" }), [
        { args: "skip", list: "loading" },
        { args: { room: "a" }, list: "loading" },
        { args: { room: "a" }, list: ["a1", "a2"] },
        { args: { room: "b" }, list: "loading" },
        { args: { room: "b" }, list: ["b1"] },
        { args: { room: "b" }, list: ["b1", "b2"] },
        { args: "skip", list: "loading" },
      ]);
    });

    it("an action", async () => assert.equal(await page.act("shout", { text: "ahoy" }), "AHOY"));

    it("a failing query reaches the error boundary with its data; other arguments work", async () => {
      const [, failure] = await page.until("guarded", (state) => state.name !== undefined);
      assert.equal(failure.name, "ConvexError");
      assert.deepEqual(failure.data, { code: "locked", room: "locked" });
      await page.act("setGuardedRoom", "a");
      await page.untilEqual("guarded", ["a1", "a2"]);
    });

    it("useQueries: each result by itself, an error as a value", async () => {
      await page.act("setRooms", ["a", "locked"]);
      await page.untilEqual("many", { a: ["a1", "a2"], locked: "ConvexError" });
      await page.act("setRooms", ["b", "a"]);
      const states = await page.untilEqual("many", { b: ["b1", "b2"], a: ["a1", "a2"] });
      assert.ok(!states.slice(-2).some((state) => state.a === "loading"), "what stays subscribed stays shown");
    });

    it("the connection's state follows a cut", async () => {
      await page.untilEqual("connection", { isWebSocketConnected: true, hasInflightRequests: false, hasEverConnected: true });
      const before = (await page.shown("many")).length;
      proxy.each((link) => link.cut());
      await page.until("connection", (state) => !state.isWebSocketConnected);
      await send("a", "a3");
      await page.untilEqual("connection", { isWebSocketConnected: true, hasInflightRequests: false, hasEverConnected: true });
      await page.untilEqual("many", { b: ["b1", "b2"], a: ["a1", "a2", "a3"] });
      assert.equal((await page.shown("many")).length, before + 1, "no state in between");
      assert.deepEqual(page.errors, []);
    });
  });

  describe("preloaded data", () => {
    it("is on the screen in the first frame, then live", async () => {
      for (const key of ["p1", "p2"]) await send("preloaded", key);
      const preloaded = await preloadQuery(api.messages.list, { room: "preloaded" }, { url: hull.server.url });
      await send("preloaded", "p3");
      const prepare = (page) => page.addInitScript((value) => (window.preloaded = value), preloaded);
      const page = await pages.open("Preloaded", proxy.url, { prepare });
      await page.untilEqual("preloaded", ["p1", "p2", "p3"]);
      await send("preloaded", "p4");
      assert.deepEqual(await page.untilEqual("preloaded", ["p1", "p2", "p3", "p4"]), [
        ["p1", "p2"],
        ["p1", "p2", "p3"],
        ["p1", "p2", "p3", "p4"],
      ]);
      await page.close();
    });
  });

  describe("optimistic updates", () => {
    let page;
    before(async () => {
      page = await pages.open("Optimistic", proxy.url);
      await page.untilEqual("optimistic", { list: [], count: 0 });
    });
    after(() => page.close());
    const bare = (key) => key.replace("*", "");

    /** Rules for every frame: list and count belong together, a key is there once (`once`), and a key once shown stays. */
    function checkFrames(frames, { once = true } = {}) {
      let known = new Set();
      for (const { list, count } of frames.filter((state) => state !== "loading")) {
        assert.equal(list.length, count, `list and count of one snapshot: ${list}`);
        const keys = new Set(list.map(bare));
        if (once) assert.equal(keys.size, list.length, `a row is shown twice: ${list}`);
        for (const key of known) assert.ok(keys.has(key), `${key} is missing in ${list}`);
        known = keys;
      }
    }

    it("the server's row replaces the optimistic one in one frame, while others write", async () => {
      const keys = Array.from({ length: 12 }, (_, n) => `own${n}`);
      const others = (async () => {
        for (let n = 0; n < 20; n++) await send("optimistic", `other${n}`);
      })();
      const sends = [];
      for (const key of keys) {
        sends.push(page.act("send", key));
        await page.page.waitForTimeout(15);
      }
      assert.deepEqual(await Promise.all(sends), keys);
      const atResponse = (await page.shown("optimistic")).at(-1).list;
      for (const key of keys) assert.ok(atResponse.includes(key), `the promise of ${key} resolves when its row is on the screen`);
      await others;
      const frames = await page.until("optimistic", ({ count }) => count === 32);
      checkFrames(frames);
      for (const key of keys) assert.ok(frames.some(({ list }) => list?.includes(`${key}*`)), `${key} was shown at once`);
      const server = (await hull.server.call("query", "messages:list", { room: "optimistic" })).value;
      assert.deepEqual(frames.at(-1).list, server);
      assert.deepEqual(server.filter((key) => key.startsWith("own")), keys, "the mutations ran in order");
    });

    it("a failure takes back its own update only", async () => {
      const shownBefore = (await page.shown("optimistic")).length;
      const [data, key] = await Promise.all([page.act("refuse", "bad"), page.act("send", "good")]);
      assert.deepEqual(data, { refused: "bad" });
      assert.equal(key, "good");
      const frames = (await page.until("optimistic", ({ list }) => list.includes("good"))).slice(shownBefore);
      const withoutBad = frames.map(({ list, count }) => {
        const rest = list.filter((k) => bare(k) !== "bad");
        return { list: rest, count: count - (list.length - rest.length) };
      });
      checkFrames(withoutBad);
      assert.ok(frames.some(({ list }) => list.includes("bad*")));
      assert.ok(!frames.some(({ list }) => list.includes("bad")));
      assert.ok(!frames.at(-1).list.includes("bad*"));
    });

    it("a cut in flight: the update stays until the mutation, sent again, is confirmed", async () => {
      const shownBefore = (await page.shown("optimistic")).length;
      const sends = [page.act("send", "cut0"), page.act("send", "cut1")];
      await page.until("optimistic", ({ list }) => list.includes("cut1*"));
      proxy.each((link) => link.cut());
      await Promise.all(sends);
      const frames = (await page.shown("optimistic")).slice(shownBefore);
      checkFrames(frames, { once: true });
      assert.deepEqual(frames.at(-1).list.slice(-2), ["cut0", "cut1"]);
      assert.equal(new Set(frames.at(-1).list).size, frames.at(-1).list.length);
      assert.deepEqual(page.errors, []);
    });
  });
});
