// examples/auth, set up by the commands of its README, in Chromium: Convex Auth with passwords and guests.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { launchBrowser, openPage } from "./lib/browser.mjs";
import { App } from "./lib/cli.mjs";
import { HullServer, ROOT, sleep, until } from "./lib/server.mjs";
import { serveDirectory } from "./lib/static.mjs";

const run = promisify(execFile);
const PASSWORD = "correct horse battery";

describe("examples/auth", { timeout: 300_000 }, () => {
  let server, app, site, browser;

  /** The second block of commands in the README, but the dependencies are there and the page is built instead of served. */
  async function setUp() {
    const deployment = `CONVEX_SELF_HOSTED_URL=${server.url}\nCONVEX_SELF_HOSTED_ADMIN_KEY='${server.adminKey}'\n`;
    appendFileSync(join(app.dir, ".env.local"), deployment);
    const [, block] = readFileSync(join(app.dir, "README.md"), "utf8").matchAll(/```sh\n(.*?)```/gs);
    const commands = block[1].replace("npm install", "").replace("npm run dev", "npm run build -- --logLevel warn");
    const env = { PATH: process.env.PATH, HOME: app.dir, CI: "1", NO_COLOR: "1" };
    await run("bash", ["-euo", "pipefail", "-c", commands], { cwd: app.dir, env, timeout: 120_000 });
  }

  before(async () => {
    server = await HullServer.start();
    app = new App(join(ROOT, "examples/auth"), server);
    await setUp();
    site = await serveDirectory(join(app.dir, "dist"));
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await site?.close();
    app?.remove();
    await server?.stop();
  });

  const button = (page, name) => page.getByRole("button", { name, exact: true });
  const sees = (page, text) => page.getByText(text, { exact: true }).first().waitFor({ timeout: 20_000 });
  const token = (page) => page.evaluate(() => Object.entries(localStorage).find(([key]) => key.startsWith("__convexAuthJWT"))?.[1]);
  async function fill(page, email, password, submit) {
    await page.getByLabel("Email").fill(email);
    await page.getByLabel("Password").fill(password);
    await button(page, submit).click();
  }
  async function signUp(page, email) {
    await button(page, "Make one").click();
    await fill(page, email, PASSWORD, "Create account");
    await sees(page, email);
  }
  async function log(page, text) {
    await page.getByLabel("Entry").fill(text);
    await button(page, "Log it").click();
    await sees(page, text);
  }

  it("sign up, write, sign out, sign in again", async () => {
    const { page, context } = await openPage(browser, site.url);
    await signUp(page, "ann@example.com");
    await sees(page, "Nothing logged yet.");
    await log(page, "Cast off at dawn");
    await button(page, "Sign out").click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    assert.equal(await token(page), undefined);
    await fill(page, "ann@example.com", PASSWORD, "Sign in");
    await sees(page, "Cast off at dawn");
    await sees(page, "ann@example.com");
    await context.close();
  });

  it("a wrong password, an unknown email, a short password, an email that is taken", async () => {
    const { page, context } = await openPage(browser, site.url);
    await fill(page, "ann@example.com", "wrong horse battery", "Sign in");
    await sees(page, "This email and password do not belong together.");
    await fill(page, "nobody@example.com", PASSWORD, "Sign in");
    await sees(page, "This email and password do not belong together.");
    await button(page, "Make one").click();
    await fill(page, "bob@example.com", "short", "Create account");
    await sees(page, "A password has at least 8 characters.");
    await fill(page, "ann@example.com", "another horse", "Create account");
    await sees(page, "There is an account for this email.");
    await context.close();
  });

  it("people see their own entries; guests are people", async () => {
    const bob = await openPage(browser, site.url);
    const guest = await openPage(browser, site.url);
    await signUp(bob.page, "bob@example.com");
    await button(guest.page, "Continue as a guest").click();
    await sees(guest.page, "Guest");
    await log(bob.page, "Bob was here");
    await log(guest.page, "So was a guest");
    assert.equal(await bob.page.getByRole("listitem").count(), 1);
    assert.equal(await guest.page.getByRole("listitem").count(), 1);
    const anonymous = await server.call("query", "entries:list");
    assert.deepEqual(anonymous.value, []);
    assert.equal((await server.call("mutation", "entries:add", { text: "nobody's" })).errorData, "Sign in first.");
    await bob.context.close();
    await guest.context.close();
  });

  it("a reload and a restart of the server keep the session, and the token is replaced", async () => {
    const { page, context, errors } = await openPage(browser, site.url);
    await signUp(page, "carol@example.com");
    await log(page, "Before the reload");
    const first = await token(page);
    await page.reload();
    await sees(page, "Before the reload");
    await sees(page, "carol@example.com");
    assert.equal(await button(page, "Sign in").count(), 0);
    await until(async () => ![first, undefined].includes(await token(page)));
    assert.deepEqual(errors, []);
    await server.kill("SIGKILL");
    await server.launch();
    await log(page, "After the restart");
    await sees(page, "Before the reload");
    const second = await openPageIn(context);
    await sees(second, "After the restart");
    await button(page, "Sign out").click();
    await second.getByRole("heading", { name: "Sign in" }).waitFor(); // the other tab follows
    await context.close();
  });

  async function openPageIn(context) {
    const page = await context.newPage();
    await page.goto(site.url);
    return page;
  }

  it("tokens of 12 seconds are refreshed before they end, without a moment signed out", async () => {
    const file = join(app.dir, "convex/auth.ts");
    writeFileSync(file, readFileSync(file, "utf8").replace("convexAuth({", "convexAuth({ jwt: { durationMs: 12_000 },"));
    await app.push();
    const { page, context, errors } = await openPage(browser, site.url);
    await signUp(page, "dora@example.com");
    // Two tokens made within one second are the same text, after which the client schedules no refresh; a later reload has a newer one.
    await sleep(1500);
    await page.reload();
    await button(page, "Sign out").waitFor();
    await page.evaluate(() => {
      window.signedOut = 0;
      const look = () => (window.signedOut += document.querySelector("[name=email]") ? 1 : 0);
      new MutationObserver(look).observe(document, { childList: true, subtree: true });
    });
    const tokens = new Set();
    for (const end = Date.now() + 9000; Date.now() < end; await sleep(100)) tokens.add(await token(page));
    assert.ok(tokens.size >= 3, `${tokens.size} tokens`);
    await log(page, "Still aboard");
    assert.equal(await page.evaluate(() => window.signedOut), 0);
    assert.deepEqual(errors, []);
    await context.close();
  });
});
