// Test only: an executor of Node.js actions in a process of its own, spoken to as the server does.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import protobuf from "protobufjs";
import { buildExecutor, readProtocol } from "../node/build.mjs";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const root = protobuf.Root.fromJSON(await readProtocol());
const ToWorker = root.lookupType("hull.wire.ToWorker");
const FromWorker = root.lookupType("hull.wire.FromWorker");

/** A directory with the executor and pushed modules, bundled as the CLI does. */
export async function makeSources(modules) {
  const directory = mkdtempSync(join(tmpdir(), "hull-executor-"));
  await buildExecutor(join(directory, "executor.mjs"));
  mkdirSync(join(directory, "modules"));
  writeFileSync(join(directory, "package.json"), '{"type":"module"}');
  for (const [path, contents] of Object.entries(modules)) {
    const built = await esbuild.build({
      stdin: { contents, loader: "ts", resolveDir: repository, sourcefile: join(directory, "convex", path.replace(/js$/, "ts")) },
      outfile: join(directory, "modules", path),
      external: ["not-there"],
      bundle: true,
      platform: "node",
      format: "esm",
      target: "esnext",
      sourcemap: true,
      sourcesContent: false,
      keepNames: true,
      minifySyntax: true,
      write: false,
    });
    for (const file of built.outputFiles) writeFileSync(file.path, file.contents);
  }
  return { directory, remove: () => rmSync(directory, { recursive: true }) };
}

export class Executor {
  frames = [];
  waiters = new Set();

  /** `answer(op)`: the outcome of an operation, `{ json }` or `{ error }`; undefined: none comes. */
  static async start(directory, { env = {}, answer = () => ({ json: "null" }), node = process.execPath } = {}) {
    const executor = new Executor();
    const child = spawn(node, [join(directory, "executor.mjs")], {
      cwd: directory,
      env: { PATH: process.env.PATH, TZ: "UTC", SERVER_SECRET: "s3cr3t" },
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    });
    executor.child = child;
    executor.exited = new Promise((done) => child.once("exit", (code, signal) => done({ code, signal })));
    executor.output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (executor.output += data));
    let buffer = Buffer.alloc(0);
    child.stdio[3].on("data", (data) => {
      buffer = Buffer.concat([buffer, data]);
      while (buffer.length >= 4 && buffer.length >= 4 + buffer.readUInt32LE(0)) {
        const end = 4 + buffer.readUInt32LE(0);
        const frame = FromWorker.toObject(FromWorker.decode(buffer.subarray(4, end)), { longs: Number, enums: String, arrays: true });
        buffer = buffer.subarray(end);
        executor.#receive(frame, answer);
      }
    });
    child.stdio[3].on("error", () => {});
    executor.send({ init: { env, sourceDirectory: directory } });
    await executor.frame((frame) => frame.ready);
    return executor;
  }

  send(frame) {
    const body = ToWorker.encode(ToWorker.fromObject(frame)).finish();
    const header = Buffer.alloc(4);
    header.writeUInt32LE(body.length);
    this.child.stdio[3].write(Buffer.concat([header, body]));
  }

  #receive(frame, answer) {
    this.frames.push(frame);
    for (const op of frame.ops?.ops ?? []) {
      const outcome = answer(op);
      if (outcome) this.send({ results: { callId: frame.ops.callId, results: [{ opId: op.opId, ...outcome }] } });
    }
    for (const check of this.waiters) check();
  }

  /** The first frame that `matches`. */
  frame(matches) {
    return new Promise((done) => {
      const check = () => {
        const found = this.frames.find(matches);
        if (!found) return;
        this.waiters.delete(check);
        done(found);
      };
      this.waiters.add(check);
      check();
    });
  }

  #calls = 0;
  begin(path, args = {}, { timeoutMs = 10_000 } = {}) {
    const [module, name] = path.split(":");
    const callId = ++this.#calls;
    this.send({ start: { callId, module: `${module}.js`, function: name, argsJson: JSON.stringify([args]), userTimeoutMs: timeoutMs } });
    return callId;
  }

  /** Runs an action: `{ value }` or `{ error }`, `retire`, and its log `lines`. */
  async call(path, args, options) {
    return await this.finished(this.begin(path, args, options));
  }

  async finished(callId) {
    const { done } = await this.frame((frame) => frame.done?.callId === callId);
    const lines = this.frames.filter((frame) => frame.logs?.callId === callId).flatMap((frame) => frame.logs.lines);
    const outcome = done.error ? { error: done.error } : { value: JSON.parse(done.resultJson) };
    return { ...outcome, retire: done.retire ?? false, lines: lines.map((line) => `[${line.level}] ${line.messages.join(" ")}`) };
  }

  async stop() {
    this.child.kill("SIGKILL");
    await this.exited;
  }
}
