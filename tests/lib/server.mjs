// A real Hull server on a temporary data directory, for tests and benchmarks. Loopback only.
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, openSync, rmSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePort } from "./ports.mjs";

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
export const HULL = process.env.HULL_BINARY ?? join(ROOT, "build/hull");
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Waits until `check` returns something true, and returns that. */
export async function until(check, timeout = 20_000) {
  for (const deadline = Date.now() + timeout; ; await sleep(5)) {
    const result = await check();
    if (result) return result;
    if (Date.now() > deadline) throw new Error(`not true within ${timeout} ms: ${check}`);
  }
}

export class HullServer {
  constructor(port, sitePort, dataDir, env, logFile = join(dataDir, "server.log"), args = []) {
    Object.assign(this, { port, sitePort, dataDir, env, logFile, args });
    this.url = `http://127.0.0.1:${port}`;
    this.siteUrl = `http://127.0.0.1:${sitePort}`;
  }

  /** The data directory is a new one unless given; the log is in it unless `logFile` says otherwise. */
  static async start({ env = {}, dataDir = mkdtempSync(join(tmpdir(), "hull-test-")), logFile, args } = {}) {
    const server = new HullServer(await freePort(), await freePort(), dataDir, env, logFile, args);
    await server.launch();
    server.adminKey = (await promisify(execFile)(HULL, ["admin-key", "--data-dir", dataDir])).stdout.trim();
    return server;
  }

  /** Starts the process on the same ports and data; resolves when it answers. */
  async launch() {
    const log = openSync(this.logFile, "a");
    const started = performance.now();
    this.process = spawn(
      HULL,
      ["serve", "--data-dir", this.dataDir, "--interface", "127.0.0.1", "--port", `${this.port}`, "--site-port", `${this.sitePort}`, ...this.args],
      { stdio: ["ignore", log, log], env: { PATH: process.env.PATH, ...this.env } },
    );
    this.exited = new Promise((done) => this.process.once("exit", (code, signal) => done({ code, signal })));
    for (;;) {
      try {
        // Answered only once the database is open; /version answers earlier.
        if ((await fetch(`${this.url}/api/query_ts`, { method: "POST" })).ok) break;
      } catch {
        if (this.process.exitCode !== null || this.process.signalCode !== null) {
          throw new Error(`the server did not start:\n${this.logText().slice(-2000)}`);
        }
      }
      if (performance.now() - started > 60_000) throw new Error(`no answer after 60 s:\n${this.logText().slice(-2000)}`);
      await sleep(5);
    }
    this.startMillis = performance.now() - started;
  }

  logText() {
    return readFileSync(this.logFile, "utf8");
  }

  /** The log without the lines about requests. */
  logLines() {
    return this.logText().split("\n").filter((line) => !/ HTTP\/1\.[01]" /.test(line));
  }

  async kill(signal = "SIGKILL") {
    this.process.kill(signal);
    return await this.exited;
  }

  /** Stops the server and removes its data. */
  async stop() {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      this.process.kill("SIGTERM");
      const late = setTimeout(() => this.process.kill("SIGKILL"), 15_000);
      await this.exited;
      clearTimeout(late);
    }
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  /** POST to an API route as JSON; `key: true` sends the admin key. */
  async post(path, body, { key = false, headers = {} } = {}) {
    return await fetch(this.url + path, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        ...(key ? { Authorization: `Convex ${this.adminKey}` } : {}),
        ...headers,
      },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  }

  async get(path, { key = false, headers = {} } = {}) {
    return await fetch(this.url + path, { headers: { ...(key ? { Authorization: `Convex ${this.adminKey}` } : {}), ...headers } });
  }

  /** Sets environment variables of the deployment. */
  async setEnv(variables) {
    const changes = Object.entries(variables).map(([name, value]) => ({ name, value }));
    const response = await this.post("/api/update_environment_variables", { changes }, { key: true });
    if (!response.ok) throw new Error(await response.text());
  }

  async call(kind, path, args = {}, options = {}) {
    const response = await this.post(`/api/${kind}`, { path, args, format: "convex_encoded_json" }, options);
    const text = await response.text();
    try {
      return { http: response.status, ...JSON.parse(text) };
    } catch {
      return { http: response.status, text };
    }
  }
}
