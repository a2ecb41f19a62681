// runtime.md §5: limits and warnings. The server of this suite has some of them lowered.
import { v } from "convex/values";
import { api } from "./_generated/api";
import { action, mutation, query } from "./_generated/server";
import { caught, op } from "./raw";

const fill = (bytes: number) => "x".repeat(bytes);
export const write = mutation({
  args: { rows: v.number(), bytes: v.number() },
  handler: async (ctx, { rows, bytes }) => {
    for (let n = 0; n < rows; n++) await ctx.db.insert("rows", { n, text: fill(bytes) });
  },
});
export const read = query({
  args: { rows: v.number() },
  handler: async (ctx, { rows }) => (await ctx.db.query("rows").take(rows)).length,
});
export const gets = query({
  args: { times: v.number() },
  handler: async (ctx, { times }) => {
    for (let n = 0; n < times; n++) await ctx.db.query("rows").withIndex("by_n", (q) => q.eq("n", 2 * n)).first();
  },
});
export const catches = query({ args: { rows: v.number() }, handler: async (ctx, { rows }) => caught(async () => (await ctx.db.query("rows").take(rows)).length) });
export const echo = query({ args: { text: v.string() }, handler: () => null });
export const returns = query({ args: { bytes: v.number() }, handler: (_ctx, { bytes }) => fill(bytes) });
export const returnsInAction = action({ args: { bytes: v.number() }, handler: async (_ctx, { bytes }) => fill(bytes) });
export const work = query({
  args: { rounds: v.number() },
  handler: (_ctx, { rounds }) => {
    let x = 1;
    for (let i = 0; i < rounds; i++) x = (x * 16807) % 2147483647;
    return x;
  },
});
export const forever = mutation({
  handler: async (ctx) => {
    await ctx.db.insert("rows", { n: 0 });
    try {
      for (;;);
    } catch {
      return "caught";
    } finally {
      return "finally";
    }
  },
});
export const foreverInAction = action({ handler: async () => { for (;;); } });
export const foreverAsync = query({
  handler: async () => {
    for (;;) await null;
  },
});
export const heap = query({
  handler: () => {
    const kept: unknown[] = [];
    try {
      for (;;) kept.push(new Array(1000).fill({ n: kept.length }).map((value) => ({ ...value })));
    } catch {
      return "caught";
    }
  },
});
export const buffers = query({
  args: { kind: v.string() },
  handler: (_ctx, { kind }) =>
    caught(() => {
      const kept: unknown[] = [];
      for (let i = 0; i < 40; i++) {
        if (kind === "plain") kept.push(new ArrayBuffer(4 << 20));
        if (kind === "typed") kept.push(new Uint8Array(4 << 20));
        if (kind === "shared") kept.push(new SharedArrayBuffer(4 << 20));
        if (kind === "resizable") {
          const buffer = new (ArrayBuffer as any)(0, { maxByteLength: 4 << 20 });
          buffer.resize(4 << 20);
          kept.push(buffer);
        }
        if (kind === "growable") {
          const buffer = new (SharedArrayBuffer as any)(0, { maxByteLength: 4 << 20 });
          buffer.grow(4 << 20);
          kept.push(buffer);
        }
      }
      return kept.length;
    }),
});
export const buffersFit = query({ handler: () => new ArrayBuffer(32 << 20).byteLength });
export const one = query({ args: { kind: v.string() }, handler: (_ctx, { kind }) => caught(() => {
  const bytes = 200 << 20;
  if (kind === "resizable") return new (ArrayBuffer as any)(0, { maxByteLength: bytes }).maxByteLength;
  if (kind === "resize") return new (ArrayBuffer as any)(0, { maxByteLength: 48 << 20 }).resize(48 << 20) ?? "resized";
  if (kind === "growable") return new (SharedArrayBuffer as any)(0, { maxByteLength: bytes }).maxByteLength;
  return new (globalThis as any).WebAssembly.Memory({ initial: bytes >> 16 }).buffer.byteLength;
}) });
export const lines = query({ args: { lines: v.number() }, handler: (_ctx, { lines }) => { for (let n = 0; n < lines; n++) console.log(n); } });
export const line = query({ args: { bytes: v.number() }, handler: (_ctx, { bytes }) => console.log("ü".repeat(bytes / 2), "second") });
export const longArguments = query({ handler: () => console.log(..."x".repeat(20_000).split(""), "end") });
export const lines2 = action({ args: { lines: v.number() }, handler: async (_ctx, { lines }) => { for (let n = 0; n < lines; n++) console.log(n); } });
export const nested = mutation({ args: { levels: v.number() }, handler: async (ctx, { levels }) => { let deep: any = 1; for (let i = 2; i < levels; i++) deep = [deep]; await ctx.db.insert("rows", { n: 0, deep }); } });
export const narrowed = query({
  args: { limits: v.any(), rows: v.number() },
  handler: (_ctx, { limits, rows }) => caught(() => op("1.0/runUdf", { udfType: "query", name: "limits:read", args: { rows }, transactionLimits: limits })),
});
export const many = action({
  handler: async (ctx): Promise<unknown> => (await Promise.all(Array.from({ length: 300 }, () => ctx.runQuery(api.limits.read, { rows: 1 })))).length,
});
export const sleepers = action({
  handler: async () => {
    const started = Date.now();
    await Promise.all(Array.from({ length: 1500 }, () => new Promise((done) => setTimeout(done, 200))));
    return Date.now() - started < 2500;
  },
});
