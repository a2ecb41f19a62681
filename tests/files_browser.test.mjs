// examples/files in two Chromium pages, which are of another origin than the deployment: upload, look, delete.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { join } from "node:path";
import { App } from "./lib/cli.mjs";
import { launchBrowser, openPage } from "./lib/browser.mjs";
import { serveDirectory } from "./lib/static.mjs";
import { HullServer, ROOT, until } from "./lib/server.mjs";

const svg = (width, height, colour) =>
  Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="${width}" height="${height}" fill="${colour}"/></svg>`);

const patience = 60_000;

let server, app, site, browser, ann, bob;
before(async () => {
  server = await HullServer.start();
  app = new App(join(ROOT, "examples/files"), server);
  await app.push();
  execFileSync(process.execPath, [join(ROOT, "node_modules/vite/bin/vite.js"), "build", "--logLevel", "warn"], {
    cwd: app.dir,
    env: { ...process.env, VITE_CONVEX_URL: server.url },
  });
  site = await serveDirectory(join(app.dir, "dist"));
  browser = await launchBrowser();
  ann = await openPage(browser, site.url);
  bob = await openPage(browser, site.url);
  for (const { context } of [ann, bob]) context.setDefaultTimeout(patience);
}, { timeout: 300_000 });
after(async () => {
  await browser?.close();
  await site?.close();
  app?.remove();
  await server?.stop();
});
const choose = ({ page }, ...files) => page.getByLabel("Add pictures").setInputFiles(files);
const picture = ({ page }, name) => page.getByRole("img", { name });
// Shown, not only in the document: the browser has the pixels.
const widthOf = (locator) => locator.evaluate((image) => (image.complete ? image.naturalWidth : 0));

describe("pictures in two browsers", { concurrency: false, timeout: 300_000 }, () => {
  it("an uploaded picture is shown in both", async () => {
    await ann.page.getByText("No pictures yet.").waitFor();
    await choose(ann, { name: "sea.svg", mimeType: "image/svg+xml", buffer: svg(120, 80, "navy") });
    for (const each of [ann, bob]) {
      await picture(each, "sea.svg").waitFor();
      await until(async () => (await widthOf(picture(each, "sea.svg"))) === 120, patience);
    }
  });

  it("several at once, one of some megabytes", async () => {
    const large = await bob.page.evaluate(() => {
      const canvas = document.createElement("canvas");
      canvas.width = canvas.height = 1200;
      const pen = canvas.getContext("2d");
      const noise = pen.createImageData(1200, 1200);
      for (let at = 0; at < noise.data.length; at += 65536) crypto.getRandomValues(noise.data.subarray(at, at + 65536));
      for (let at = 3; at < noise.data.length; at += 4) noise.data[at] = 255;
      pen.putImageData(noise, 0, 0);
      return canvas.toDataURL("image/png").split(",")[1];
    });
    const buffer = Buffer.from(large, "base64");
    assert.ok(buffer.length > 3_000_000);
    await choose(bob, { name: "noise.png", mimeType: "image/png", buffer }, { name: "sand.svg", mimeType: "image/svg+xml", buffer: svg(60, 60, "tan") });
    await until(async () => (await widthOf(picture(ann, "noise.png"))) === 1200, patience);
    await until(async () => (await widthOf(picture(ann, "sand.svg"))) === 60, patience);
    assert.equal(await ann.page.getByRole("img").count(), 3);
  });

  it("what is no picture is refused and not kept", async () => {
    await choose(ann, { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("text") });
    await ann.page.getByText("notes.txt is not a picture").waitFor();
    assert.equal((await server.call("query", "pictures:list")).value.length, 3);
    const files = await server.call("query", "_system/frontend/fileStorageV2:numFiles", {}, { key: true });
    assert.equal(files.value, 3, JSON.stringify(files));
  });

  it("an upload that does not get through is told, and goes through the next time", async () => {
    const lost = { name: "lost.svg", mimeType: "image/svg+xml", buffer: svg(30, 30, "gold") };
    await bob.page.route("**/api/storage/upload?*", (route) => route.abort());
    await choose(bob, lost);
    await bob.page.getByRole("alert").getByText("lost.svg could not be sent.").waitFor();
    await bob.page.getByRole("button", { name: "Dismiss lost.svg" }).click();
    await bob.page.getByRole("alert").waitFor({ state: "detached" });
    await bob.page.unroute("**/api/storage/upload?*");
    // An answer of the server that is no success.
    await bob.page.route("**/api/storage/upload?*", (route) => route.continue({ url: `${server.url}/api/storage/upload?token=00` }));
    await choose(bob, lost);
    await bob.page.getByText("lost.svg was refused: Couldn't decode the StoreFileAuthorization token").waitFor();
    await bob.page.unroute("**/api/storage/upload?*");
    assert.ok(bob.errors.splice(0).every((text) => /ERR_FAILED|401/.test(text)));
    await choose(bob, lost);
    await until(async () => (await widthOf(picture(ann, "lost.svg"))) === 30, patience);
    assert.equal(await bob.page.getByRole("alert").count(), 0);
  });

  it("a file without a type is shown for what it is", async () => {
    const { value: uploadUrl } = await server.call("mutation", "pictures:uploadUrl");
    const sent = await ann.page.evaluate(async (to) => {
      const picture = await new Promise((done) => document.createElement("canvas").toBlob(done));
      const answer = await fetch(to, { method: "POST", headers: { "Content-Type": "" }, body: await picture.arrayBuffer() });
      return answer.json();
    }, uploadUrl);
    const file = await server.call("query", "_system/frontend/fileStorageV2:getFile", { storageId: sent.storageId }, { key: true });
    assert.equal(file.value.contentType, null);
    const tab = await ann.context.newPage();
    await tab.goto(file.value.url);
    assert.equal(await tab.evaluate(() => document.contentType), "image/png");
    await tab.close();
  });

  it("a deleted picture goes in both, and its URL with it", async () => {
    const url = await picture(bob, "sea.svg").getAttribute("src");
    assert.equal((await fetch(url)).status, 200);
    await ann.page.getByRole("button", { name: "Delete sea.svg" }).click();
    for (const each of [ann, bob]) await picture(each, "sea.svg").waitFor({ state: "detached" });
    assert.equal((await fetch(url)).status, 404);
    assert.deepEqual([ann.errors, bob.errors], [[], []]);
  });
});
