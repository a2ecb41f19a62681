// Pagination hooks in Chromium, in StrictMode: pages next to each other have no gap and no overlap in any state that was on the screen.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { FaultyProxy } from "./lib/faulty_proxy.mjs";
import { useApp } from "./lib/fixture.mjs";
import { useReactPages } from "./lib/react_page.mjs";
import { until } from "./lib/server.mjs";

describe("pages in React", { timeout: 300_000 }, () => {
  const hull = useApp("tests/apps/react");
  const pages = useReactPages();
  let proxy;
  before(async () => {
    proxy = await FaultyProxy.start(hull.server.url);
    proxy.delayMs = 20;
  });
  after(() => proxy.close());

  for (const hook of ["usePaginatedQuery", "usePaginatedQuery_experimental"]) {
    describe(hook, () => {
      let page;
      const call = (path, args) => hull.server.call("mutation", `rows:${path}`, { room: hook, ...args });
      before(async () => {
        await call("add", { ranks: Array.from({ length: 12 }, (_, n) => n * 10) });
        page = await pages.open("Pages", proxy.url, { parameters: { hook } });
        await page.act("setRoom", hook);
      });
      after(() => page.close());
      const upTo = (end, ...more) => [...Array.from({ length: end / 10 }, (_, n) => n * 10), ...more].sort((a, b) => a - b);

      /** In every frame the rows are in order, without a gap among those that were loaded before and not removed. */
      function checkFrames(frames, removed = []) {
        let known = [];
        for (const { room, ranks } of frames.filter((frame) => frame.room === hook)) {
          for (let n = 1; n < ranks.length; n++) assert.ok(ranks[n - 1] < ranks[n], `${room} in order, each once: ${ranks}`);
          for (const rank of known) assert.ok(ranks.includes(rank) || removed.includes(rank), `${rank} is missing in ${ranks}`);
          known = ranks;
        }
      }

      it("load more until the end", async () => {
        await page.untilEqual("pages", { room: hook, status: "CanLoadMore", ranks: upTo(50) });
        await page.act("loadMore", 5);
        await page.untilEqual("pages", { room: hook, status: "CanLoadMore", ranks: upTo(100) });
        await page.act("loadMore", 5);
        const frames = await page.untilEqual("pages", { room: hook, status: "Exhausted", ranks: upTo(120) });
        checkFrames(frames);
        assert.deepEqual(frames.map(({ status }) => status), [
          "LoadingFirstPage", // skipped
          "LoadingFirstPage",
          "CanLoadMore",
          "LoadingMore",
          "CanLoadMore",
          "LoadingMore",
          "Exhausted",
        ]);
      });

      it("rows at the borders of pages appear once, and go", async () => {
        await call("add", { ranks: [-5, 45, 95, 115, 500] });
        await page.untilEqual("pages", { room: hook, status: "Exhausted", ranks: upTo(120, -5, 45, 95, 115, 500) });
        await call("remove", { rank: 40 });
        await call("remove", { rank: 90 });
        const left = upTo(120, -5, 45, 95, 115, 500).filter((rank) => rank !== 40 && rank !== 90);
        checkFrames(await page.untilEqual("pages", { room: hook, status: "Exhausted", ranks: left }), [40, 90]);
      });

      it("a page that grows is split, with nothing missing meanwhile", async () => {
        const ranks = Array.from({ length: 12 }, (_, n) => n + 11).filter((rank) => rank !== 20);
        await call("add", { ranks });
        await page.until("pages", (state) => state.ranks.includes(22));
        const split = () => page.added.filter((options) => options?.endCursor !== undefined);
          await until(() => split().length === 2);
        assert.equal(split()[0].endCursor, split()[1].cursor);
        await call("add", { ranks: [13.5] });
        checkFrames(await page.until("pages", (state) => state.ranks.includes(13.5)), [40, 90]);
      });

      it("borders stay after a cut and after a restart of the server", async () => {
        const ranks = (await page.shown("pages")).at(-1).ranks;
        proxy.each((link) => link.cut("end"));
        await call("add", { ranks: [47, 501] });
        await page.untilEqual("pages", { room: hook, status: "Exhausted", ranks: [...ranks, 47, 501].sort((a, b) => a - b) });
        await hull.server.kill("SIGKILL");
        await hull.server.launch();
        await call("add", { ranks: [48, 502] });
        const all = [...ranks, 47, 48, 501, 502].sort((a, b) => a - b);
        checkFrames(await page.untilEqual("pages", { room: hook, status: "Exhausted", ranks: all }), [40, 90]);
        assert.deepEqual(page.errors, []);
      });
    });
  }
});
