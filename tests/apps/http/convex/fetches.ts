// Actions that fetch, for tests/fetch.test.mjs.
import { v } from "convex/values";
import OpenAI from "openai";
import { action } from "./_generated/server";

const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));
const encoder = new TextEncoder();
const url = { url: v.string() };
const failure = (error: unknown) => `${(error as Error).name}: ${(error as Error).message}`;

/** One exchange, told in full. */
export const exchange = action({
  args: { ...url, init: v.optional(v.any()) },
  handler: async (_ctx, args) => {
    try {
      const response = await fetch(args.url, args.init);
      const { status, statusText, type, redirected, ok } = response;
      return { status, statusText, type, redirected, ok, url: response.url, headers: [...response.headers], body: await response.text() };
    } catch (error) {
      return { failure: failure(error) };
    }
  },
});

export const bodies = action({
  args: url,
  handler: async (_ctx, args) => {
    const form = new FormData();
    form.set("a", "1");
    form.set("f", new File(["file"], "f.txt", { type: "text/plain" }));
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(encoder.encode("str"));
        controller.enqueue(encoder.encode("eam"));
        controller.close();
      },
    });
    const all: Record<string, BodyInit | undefined> = {
      text: "text",
      empty: "",
      bytes: new Uint8Array([1, 2, 3]),
      blob: new Blob(["blob"], { type: "x/y" }),
      params: new URLSearchParams({ q: "a b" }),
      form,
      stream,
      none: undefined,
    };
    const seen: Record<string, unknown> = {};
    for (const [name, body] of Object.entries(all)) seen[name] = await (await fetch(args.url, { method: "POST", body })).json();
    return seen;
  },
});

/** Uploads `bytes` from a stream; stops early if the server has heard enough. */
export const upload = action({
  args: { ...url, bytes: v.number(), chunk: v.number(), failAfter: v.optional(v.number()) },
  handler: async (_ctx, { url, bytes, chunk, failAfter }) => {
    let made = 0;
    let cancelled: string | undefined;
    const body = new ReadableStream({
      pull(controller) {
        if (failAfter !== undefined && made >= failAfter) throw new RangeError("no more to give");
        if (made >= bytes) return controller.close();
        controller.enqueue(new Uint8Array(chunk));
        made += chunk;
      },
      cancel(reason) {
        cancelled = String(reason);
      },
    });
    try {
      const response = await fetch(url, { method: "POST", body });
      const text = await response.text();
      await sleep(100);
      return { status: response.status, text, made, cancelled: cancelled !== undefined };
    } catch (error) {
      return { failure: failure(error), made };
    }
  },
});

export const download = action({
  args: { ...url, pauseMs: v.optional(v.number()), stopAfter: v.optional(v.number()) },
  handler: async (_ctx, { url, pauseMs, stopAfter }) => {
    const reader = (await fetch(url)).body!.getReader();
    let bytes = 0;
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return { bytes };
        if (bytes === 0 && pauseMs) await sleep(pauseMs);
        bytes += value.length;
        if (stopAfter !== undefined && bytes >= stopAfter) {
          await reader.cancel();
          return { bytes };
        }
      }
    } catch (error) {
      return { bytes, failure: failure(error) };
    }
  },
});

export const aborts = action({
  args: { ...url, when: v.string() },
  handler: async (_ctx, { url, when }) => {
    const abort = new AbortController();
    const body =
      when === "upload"
        ? new ReadableStream({
            async pull(controller) {
              await sleep(20);
              controller.enqueue(new Uint8Array(10));
            },
          })
        : undefined;
    if (when === "before") abort.abort();
    else void sleep(400).then(() => abort.abort());
    const signal = when === "timeout" ? AbortSignal.timeout(300) : abort.signal;
    const began = Date.now();
    try {
      const response = await fetch(url, { signal, method: body ? "POST" : "GET", body });
      if (when === "body") await response.text();
      return "not aborted";
    } catch (error) {
      return `${(error as Error).name} ${Date.now() - began < 3000 ? "soon" : "late"}`;
    }
  },
});

export const parallel = action({
  args: { ...url, count: v.number() },
  handler: async (_ctx, { url, count }) => {
    const texts = await Promise.all(Array.from({ length: count }, async (_, i) => (await fetch(`${url}?i=${i}`)).text()));
    return texts.filter((text, i) => text === `${i}`).length;
  },
});
export const serial = action({
  args: { ...url, count: v.number() },
  handler: async (_ctx, { url, count }) => {
    let right = 0;
    for (let i = 0; i < count; i++) if ((await (await fetch(`${url}?i=${i}`)).text()) === `${i}`) right++;
    return right;
  },
});

export const leaves = action({
  args: url,
  handler: async (_ctx, args) => {
    void fetch(args.url);
  },
});
export const nap = action({
  args: { ms: v.number() },
  handler: async (_ctx, { ms }) => {
    await sleep(ms);
    return ms;
  },
});

export const chat = action({
  args: { baseURL: v.string(), stream: v.boolean() },
  handler: async (_ctx, { baseURL, stream }) => {
    const client = new OpenAI({ apiKey: "key", baseURL, dangerouslyAllowBrowser: true, maxRetries: 0 });
    const messages = [{ role: "user" as const, content: "hi" }];
    if (!stream) return (await client.chat.completions.create({ model: "m", messages })).choices[0]!.message.content;
    const parts: Array<{ text: string; at: number }> = [];
    for await (const chunk of await client.chat.completions.create({ model: "m", messages, stream: true })) {
      const text = chunk.choices[0]?.delta?.content;
      if (text) parts.push({ text, at: Date.now() });
    }
    return { text: parts.map((part) => part.text).join(""), spread: parts.at(-1)!.at - parts[0]!.at };
  },
});
