// The page of tests/pages/react in Chromium: what it showed, and its actions.
import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { build } from "esbuild";
import { launchBrowser } from "./browser.mjs";
import { ROOT } from "./server.mjs";
import { serveDirectory } from "./static.mjs";

const SOURCE = join(ROOT, "tests/pages/react");

class ReactPage {
  added = []; // paginationOpts of every Add the page sent, or undefined where there are none
  errors = []; // exceptions nobody caught

  constructor(page) {
    this.page = page;
    page.on("pageerror", (error) => this.errors.push(String(error)));
    page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => this.#sent(JSON.parse(payload))));
  }

  #sent(message) {
    for (const { type, args } of message.modifications ?? []) if (type === "Add") this.added.push(args[0].paginationOpts);
  }

  /** Every state shown under `name`, oldest first. */
  async shown(name) {
    return (await this.page.evaluate((key) => window.shown[key] ?? [], name)).map((text) => JSON.parse(text));
  }

  /** Waits until the newest state satisfies `check`; the states so far. */
  async until(name, check, timeout = 30_000) {
    const deadline = Date.now() + timeout;
    for (;;) {
      const states = await this.shown(name);
      if (states.length > 0 && check(states.at(-1))) return states;
      assert.ok(Date.now() < deadline, `never true: ${check}; last: ${JSON.stringify(states.slice(-3))}`);
      await this.page.waitForTimeout(10);
    }
  }

  /** Waits until the newest state equals `expected`; the states so far. */
  async untilEqual(name, expected) {
    const text = JSON.stringify(expected);
    return await this.until(name, (state) => JSON.stringify(state) === text).catch(async () =>
      assert.deepEqual((await this.shown(name)).at(-1), expected),
    );
  }

  act(action, ...args) {
    return this.page.evaluate(([name, values]) => window.actions[name](...values), [action, args]);
  }

  close() {
    return this.page.context().close();
  }
}

/** Bundles the page for development (StrictMode mounts twice) and opens scenes of it; for one test file. */
export function useReactPages() {
  const pages = {};
  let directory, site, browser;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "hull-page-"));
    await build({
      entryPoints: [join(SOURCE, "main.jsx")],
      outfile: join(directory, "main.js"),
      bundle: true,
      format: "esm",
      jsx: "automatic",
      define: { "process.env.NODE_ENV": '"development"' },
      logLevel: "error",
    });
    copyFileSync(join(SOURCE, "index.html"), join(directory, "index.html"));
    site = await serveDirectory(directory);
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await site?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  /** `prepare(page)` runs before the page is loaded. */
  pages.open = async (scene, url, { parameters = {}, prepare } = {}) => {
    const context = await browser.newContext();
    const page = new ReactPage(await context.newPage());
    await prepare?.(page.page);
    await page.page.goto(`${site.url}/?${new URLSearchParams({ scene, url, ...parameters })}`);
    return page;
  };
  return pages;
}
