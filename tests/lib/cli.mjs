// The real `npx convex` against a Hull server, in a copy of an app directory.
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./server.mjs";

const MODULES = join(ROOT, "node_modules");
let copies = 0;

export class App {
  /** Copies `source` (an app directory) below build/, where the repository's node_modules is found unless another is given. */
  constructor(source, server, modules = MODULES) {
    this.server = server;
    this.cli = join(modules, "convex/bin/main.js");
    this.dir = join(ROOT, "build/test-apps", `${process.pid}-${copies++}`);
    rmSync(this.dir, { recursive: true, force: true });
    mkdirSync(this.dir, { recursive: true });
    cpSync(source, this.dir, { recursive: true, filter: (path) => !/node_modules|dist|\.env\.local/.test(path.slice(source.length)) });
    if (modules !== MODULES) symlinkSync(modules, join(this.dir, "node_modules"));
  }

  /** `input` is what the command reads from stdin. */
  spawn(args, { env = {}, withKey = true, input } = {}) {
    const child = spawn(process.execPath, [this.cli, ...args], {
      cwd: this.dir,
      stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      env: {
        PATH: process.env.PATH,
        HOME: this.dir,
        CI: "1",
        NO_COLOR: "1",
        ...(withKey
          ? { CONVEX_SELF_HOSTED_URL: this.server.url, CONVEX_SELF_HOSTED_ADMIN_KEY: this.server.adminKey }
          : {}),
        ...env,
      },
    });
    child.stdin?.end(input);
    return child;
  }

  /** Runs a command to its end. */
  async run(args, options = {}) {
    const child = this.spawn(args, options);
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (data) => (stdout += data));
    child.stderr.on("data", (data) => (stderr += data));
    const timer = setTimeout(() => child.kill("SIGKILL"), options.timeout ?? 120_000);
    const code = await new Promise((done) => child.once("exit", (exitCode, signal) => done(exitCode ?? signal)));
    clearTimeout(timer);
    return { code, stdout, stderr, all: stdout + stderr };
  }

  /** Pushes the code; throws with the CLI's output if that fails. */
  async push(args = ["dev", "--once", "--tail-logs", "disable", "--typecheck", "disable"]) {
    const result = await this.run(args);
    if (result.code !== 0) throw new Error(`push failed (${result.code}):\n${result.all}`);
    return result;
  }

  /** A long-running command; `seen(text)` waits until its output contains the text. */
  follow(args, options = {}) {
    const child = this.spawn(args, options);
    const follower = { child, output: "" };
    const waiters = new Set();
    const feed = (data) => {
      follower.output += data;
      for (const check of waiters) check();
    };
    child.stdout.on("data", feed);
    child.stderr.on("data", feed);
    follower.seen = (pattern, timeout = 60_000) =>
      new Promise((done, fail) => {
        const check = () => {
          const found = typeof pattern === "string" ? follower.output.includes(pattern) : pattern.test(follower.output);
          if (!found) return;
          clearTimeout(timer);
          waiters.delete(check);
          done();
        };
        const timer = setTimeout(() => {
          waiters.delete(check);
          fail(new Error(`did not see ${pattern} in:\n${follower.output}`));
        }, timeout);
        waiters.add(check);
        check();
      });
    follower.stop = async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGINT");
      const late = setTimeout(() => child.kill("SIGKILL"), 5000);
      await new Promise((done) => child.once("exit", done));
      clearTimeout(late);
    };
    return follower;
  }

  remove() {
    rmSync(this.dir, { recursive: true, force: true });
  }
}
