"use node";
// Node.js actions as apps write them: built-in modules, an external package, calls, failures of every kind.
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, gunzipSync } from "node:zlib";
import { ConvexError, v } from "convex/values";
import { nanoid } from "nanoid";
import { action, internalAction } from "./_generated/server";
import { internal } from "./_generated/api";

const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));
let calls = 0;

export const builtins = action({
  args: { text: v.string() },
  handler: async (_ctx, { text }) => {
    const directory = mkdtempSync(join(tmpdir(), "hull-node-"));
    writeFileSync(join(directory, "file"), gzipSync(Buffer.from(text)));
    const back = gunzipSync(readFileSync(join(directory, "file"))).toString("base64");
    rmSync(directory, { recursive: true });
    return { sha: createHash("sha256").update(text).digest("hex"), random: randomBytes(4).length, back };
  },
});
export const external = action({ args: {}, handler: async () => nanoid(7).length });
export const fetches = action({ args: { url: v.string() }, handler: async (_ctx, { url }) => (await fetch(url, { method: "POST", body: "ping" })).text() });
export const relay = action({
  args: { text: v.string() },
  handler: async (ctx, { text }): Promise<string[]> => {
    await ctx.runMutation(internal.facts.add, { text });
    return await ctx.runQuery(internal.facts.all, {});
  },
});
export const nested = internalAction({ args: {}, handler: async () => "from node" });
export const refused = action({
  args: {},
  handler: async (ctx): Promise<string> => {
    try {
      return await ctx.runMutation(internal.facts.refuse, {});
    } catch (error) {
      return (error as Error).message;
    }
  },
});
export const whoami = action({ args: {}, handler: async (ctx) => (await ctx.auth.getUserIdentity())?.subject ?? null });
export const env = action({ args: {}, handler: async () => ({ greeting: process.env.GREETING ?? null, names: Object.keys(process.env).sort() }) });
export const warm = action({ args: {}, handler: async () => ({ calls: ++calls, pid: process.pid }) });
export const logs = action({
  args: {},
  handler: async () => {
    console.log("from node", { deep: [1, 2] });
    console.error("trouble");
  },
});
function broken(): never {
  throw new RangeError("node boom");
}
export const throws = action({ args: {}, handler: async () => broken() });
export const convexError = action({
  args: {},
  handler: async () => {
    throw new ConvexError({ code: 7n, why: "no" });
  },
});
export const rejects = action({
  args: {},
  handler: async () => {
    void Promise.reject(new Error("nobody looks"));
    await sleep(60_000);
  },
});
export const exits = action({ args: {}, handler: async () => process.exit(3) });
export const loops = action({
  args: {},
  handler: async () => {
    for (;;);
  },
});
export const nap = action({
  args: { ms: v.number() },
  handler: async (_ctx, { ms }) => {
    console.log("pid", process.pid);
    await sleep(ms);
    return "version 1";
  },
});
