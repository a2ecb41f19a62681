// examples/chat in two headless Chromium pages: live messages, reload, kill -9 of the server, redeploy.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { join } from "node:path";
import { App } from "./lib/cli.mjs";
import { launchBrowser, openPage } from "./lib/browser.mjs";
import { serveDirectory } from "./lib/static.mjs";
import { HullServer, ROOT, sleep } from "./lib/server.mjs";

let server, app, site, browser, ann, bob;
before(async () => {
  server = await HullServer.start();
  app = new App(join(ROOT, "examples/chat"), server);
  await app.push();
  execFileSync(process.execPath, [join(ROOT, "node_modules/vite/bin/vite.js"), "build", "--logLevel", "warn"], {
    cwd: app.dir,
    env: { ...process.env, VITE_CONVEX_URL: server.url },
  });
  site = await serveDirectory(join(app.dir, "dist"));
  browser = await launchBrowser();
  ann = await openPage(browser, site.url);
  bob = await openPage(browser, site.url);
}, { timeout: 120_000 });
after(async () => {
  await browser?.close();
  await site?.close();
  app?.remove();
  await server?.stop();
});
const say = async ({ page }, text) => {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.getByRole("button", { name: "Send" }).click();
};
const sees = ({ page }, text) => page.getByText(text, { exact: true }).first().waitFor({ timeout: 20_000 });

describe("chat in two browsers", { concurrency: false, timeout: 180_000 }, () => {
  it("a message appears in the other page, and who is typing", async () => {
    await ann.page.getByText("# general").first().waitFor();
    await bob.page.getByText("# general").first().waitFor();
    await ann.page.getByLabel("Message", { exact: true }).pressSequentially("hel");
    await bob.page.getByText(/is typing/).waitFor();
    await say(ann, "hello from Ann");
    await sees(bob, "hello from Ann");
    await say(bob, "hello from Bob");
    await sees(ann, "hello from Bob");
  });

  it("the bot answers through an action", async () => {
    await ann.page.getByRole("button", { name: /digest/ }).click();
    await bob.page.getByText(/^Digest of the last \d+ messages/).waitFor();
  });

  it("history comes in pages", async () => {
    const channel = (await server.call("query", "channels:list")).value[0]._id;
    for (let n = 0; n < 45; n++) await server.call("mutation", "messages:send", { channel, author: "Loader", body: `line ${n}` });
    await sees(bob, "line 44");
    await bob.page.reload();
    await sees(bob, "line 44");
    assert.equal(await bob.page.getByText("line 3", { exact: true }).count(), 0);
    for (let clicks = 0; clicks < 4 && (await bob.page.getByText("line 3", { exact: true }).count()) === 0; clicks++) {
      await bob.page.getByRole("button", { name: "Load older" }).click();
      await sleep(500);
    }
    await sees(bob, "line 3");
  });

  it("kill -9 and restart: both go on without a reload, nothing acknowledged is lost", async () => {
    await say(ann, "before the crash");
    await sees(bob, "before the crash");
    assert.deepEqual(ann.errors, []);
    assert.deepEqual(bob.errors, []);
    await server.kill("SIGKILL");
    await say(ann, "during the crash");
    await server.launch();
    await sees(bob, "during the crash");
    await sees(bob, "before the crash");
    await say(bob, "after the crash");
    await sees(ann, "after the crash");
    const channel = (await server.call("query", "channels:list")).value.find((c) => c.name === "general")._id;
    const { value } = await server.call("query", "messages:list", { channel, paginationOpts: { numItems: 10, cursor: null } });
    assert.equal(value.page.filter((message) => message.body === "during the crash").length, 1);
  });

  it("a redeploy while both are open makes no error", async () => {
    ann.errors.length = bob.errors.length = 0;
    const file = join(app.dir, "convex/bot.ts");
    writeFileSync(file, readFileSync(file, "utf8").replace("Most talkative", "Loudest"));
    await app.push();
    await ann.page.getByRole("button", { name: /digest/ }).click();
    await bob.page.getByText(/Loudest: /).waitFor();
    await say(bob, "still here");
    await sees(ann, "still here");
    assert.deepEqual(ann.errors, []);
    assert.deepEqual(bob.errors, []);
  });
});
