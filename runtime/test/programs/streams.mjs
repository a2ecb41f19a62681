// Streams: states, back-pressure, byte streams, tee, pipes, iteration.

export const readable = async () => {
  const log = [];
  const counting = (limit, options) => { let n = 0; return new ReadableStream({ pull(c) { log.push("pull"); n < limit ? c.enqueue(n++) : c.close(); }, cancel(r) { log.push(`cancel ${r}`); } }, options); };
  const all = async (s) => { const out = []; for await (const v of s) out.push(tag(v)); return out; };
  const out = await attempts([
    () => all(counting(3)), () => all(counting(3, { highWaterMark: 2 })), () => all(ReadableStream.from([1, Promise.resolve(2)])), () => all(ReadableStream.from((async function* () { yield "a"; yield "b"; })())), () => all(ReadableStream.from("hi")), () => ReadableStream.from(5), () => ReadableStream.from(null),
    async () => { const s = counting(5); for await (const v of s) { if (v === 1) break; } return [s.locked, await s.getReader().read()]; },
    async () => { const s = counting(5); for await (const v of s.values({ preventCancel: true })) { if (v === 1) break; } return [s.locked, (await s.getReader().read()).value]; },
    async () => { const s = counting(2); const [a, b] = s.tee(); return [await all(a), await all(b), s.locked]; },
    async () => { const s = counting(1); const r = s.getReader(); const reads = [r.read(), r.read(), r.closed]; const done = await Promise.all(reads); r.releaseLock(); return [done, s.locked, await attempt(() => r.read()), await attempt(() => r.closed)]; },
    async () => { const s = counting(1); s.getReader(); return [attempt(() => s.getReader()), await attempt(() => s.cancel())]; },
    async () => { const s = new ReadableStream({ start(c) { c.error(new RangeError("x")); } }); return [await attempt(() => s.getReader().read())]; },
    async () => { const s = new ReadableStream({ pull() { throw new SyntaxError("p"); } }); return [await attempt(() => s.getReader().read())]; },
    () => new ReadableStream({ start() { throw new EvalError("s"); } }), () => new ReadableStream({ type: "bad" }), () => new ReadableStream({}, { highWaterMark: -1 }), () => new ReadableStream({}, { highWaterMark: NaN }), () => new ReadableStream({}, { size: 5 }), () => new ReadableStream(null), () => new ReadableStream(5),
    async () => { let c; const s = new ReadableStream({ start(x) { c = x; } }); c.enqueue(1); c.close(); return [attempt(() => c.enqueue(2)), attempt(() => c.close()), c.desiredSize, await all(s)]; },
    async () => { const s = new ReadableStream({ cancel(r) { return Promise.reject(new TypeError(r)); } }); return attempt(() => s.cancel("no")); },
    async () => { const s = new ReadableStream({ start(c) { c.enqueue("abc"); c.enqueue("de"); log.push(c.desiredSize); } }, { size: (x) => x.length, highWaterMark: 10 }); return (await s.getReader().read()).value; },
    () => tag(new ReadableStream()), () => ReadableStream.prototype.locked, () => new ReadableStreamDefaultReader({}), () => [new CountQueuingStrategy({ highWaterMark: 3 }).highWaterMark, new ByteLengthQueuingStrategy({ highWaterMark: 4 }).size(new Uint8Array(7)), new CountQueuingStrategy({ highWaterMark: 3 }).size("x")], () => new CountQueuingStrategy(),
  ]);
  return [...out, log];
};

export const bytes = async () => {
  const source = (chunks, options) => { let n = 0; return new ReadableStream({ type: "bytes", pull(c) { n < chunks.length ? c.enqueue(new Uint8Array(chunks[n++])) : (c.close(), c.byobRequest?.respond(0)); } }, options); };
  return attempts([
    async () => { const r = source([[1, 2, 3], [4]]).getReader({ mode: "byob" }); const out = []; for (;;) { const { done, value } = await r.read(new Uint8Array(2)); out.push(tag(value)); if (done) return out; } },
    async () => { const r = source([[1, 2], [3]]).getReader(); const out = []; for (;;) { const { done, value } = await r.read(); if (done) return out; out.push(tag(value)); } },
    async () => { const view = new Uint8Array(4); const r = source([[1]]).getReader({ mode: "byob" }); const { value } = await r.read(view); return [view.byteLength, view.buffer.byteLength, tag(value), value.buffer.byteLength]; },
    async () => { const s = new ReadableStream({ type: "bytes", pull(c) { const v = c.byobRequest.view; v[0] = 9; c.byobRequest.respond(1); } }); return tag((await s.getReader({ mode: "byob" }).read(new Uint8Array(3))).value); },
    async () => { const s = new ReadableStream({ type: "bytes", autoAllocateChunkSize: 8, pull(c) { const v = c.byobRequest.view; v[0] = v.byteLength; c.byobRequest.respond(1); } }); return tag((await s.getReader().read()).value); },
    async () => { const s = source([[1, 2]]); const [a, b] = s.tee(); const ra = a.getReader({ mode: "byob" }); const rb = b.getReader(); return [tag((await ra.read(new Uint8Array(5))).value), tag((await rb.read()).value)]; },
    async () => { const r = source([[1, 2, 3], [4, 5]]).getReader({ mode: "byob" }); return tag((await r.read(new Uint8Array(4), { min: 4 })).value); },
    async () => attempt(() => source([]).getReader({ mode: "byob" }).read(new Uint8Array(0))), async () => attempt(() => source([]).getReader({ mode: "byob" }).read()),
    async () => { const r = source([[1, 0, 2, 0]]).getReader({ mode: "byob" }); return tag((await r.read(new Uint16Array(2))).value); },
    () => new ReadableStream({}).getReader({ mode: "byob" }), () => new ReadableStream({ type: "bytes", autoAllocateChunkSize: 0 }), () => new ReadableStream({ type: "bytes" }, { size() {} }),
  ]);
};

export const writable = async () => {
  const log = [];
  const sink = (options, strategy) => new WritableStream({ start() { log.push("start"); }, write(v) { log.push(`write ${v}`); return options?.write?.(v); }, close() { log.push("close"); }, abort(r) { log.push(`abort ${r}`); } }, strategy);
  const out = await attempts([
    async () => { const w = sink().getWriter(); const sizes = [w.desiredSize]; w.write(1); sizes.push(w.desiredSize); await w.ready; await w.write(2); await w.close(); return [sizes, w.desiredSize, await attempt(() => w.write(3))]; },
    async () => { const w = sink(undefined, { highWaterMark: 3 }).getWriter(); w.write("a").catch(() => {}); w.write("b").catch(() => {}); const size = w.desiredSize; await w.abort("stop"); return [size, await attempt(() => w.closed), await attempt(() => w.write(1))]; },
    async () => { const w = sink({ write(v) { if (v === 2) throw new RangeError("w"); } }).getWriter(); return [await attempt(() => w.write(1)), await attempt(() => w.write(2)), await attempt(() => w.write(3)), await attempt(() => w.closed)]; },
    async () => { const s = sink(); const w = s.getWriter(); const locked = s.locked; w.releaseLock(); return [locked, s.locked, await attempt(() => w.write(1)), attempt(() => w.desiredSize)]; },
    async () => { const s = sink(); s.getWriter(); return [attempt(() => s.getWriter()), await attempt(() => s.abort()), await attempt(() => s.close())]; },
    async () => { let c; const s = new WritableStream({ start(x) { c = x; } }); const aborted = [c.signal.aborted]; s.abort("why"); aborted.push(c.signal.aborted, c.signal.reason); return aborted; },
    () => new WritableStream({ type: "x" }), () => tag(new WritableStream()), () => new WritableStream({}, { highWaterMark: -1 }),
  ]);
  return [...out, log];
};

export const pipes = async () => {
  const collect = async (s) => { const out = []; for await (const v of s) out.push(tag(v)); return out; };
  const upper = () => new TransformStream({ transform(v, c) { c.enqueue(v.toUpperCase()); }, flush(c) { c.enqueue("END"); } });
  const log = [];
  const sink = (write) => new WritableStream({ write, close() { log.push("close"); }, abort(r) { log.push(`abort ${r?.name ?? r}`); } });
  const out = await attempts([
    () => collect(ReadableStream.from(["a", "b"]).pipeThrough(upper())), () => collect(ReadableStream.from([1, 2]).pipeThrough(new TransformStream())),
    () => collect(ReadableStream.from(["a"]).pipeThrough(new TransformStream({ transform() { throw new RangeError("t"); } }))),
    () => collect(ReadableStream.from(["a", "b"]).pipeThrough(new TransformStream({ transform(v, c) { c.enqueue(v); c.terminate(); } }))),
    async () => { const got = []; await ReadableStream.from([1, 2, 3]).pipeTo(sink((v) => void got.push(v))); return got; },
    async () => { const got = []; const s = sink((v) => void got.push(v)); await ReadableStream.from([1]).pipeTo(s, { preventClose: true }); return [got, s.locked]; },
    async () => { const c = new AbortController(); const s = new ReadableStream({ pull(x) { x.enqueue("v"); }, cancel(r) { log.push(`cancel ${r}`); } }); const p = s.pipeTo(sink(() => c.abort("enough")), { signal: c.signal }); return [await attempt(() => p), s.locked]; },
    async () => attempt(() => ReadableStream.from([1]).pipeTo(sink(() => {}), { signal: AbortSignal.abort() })), async () => attempt(() => ReadableStream.from([1]).pipeTo(sink(() => {}), { signal: {} })),
    async () => attempt(() => new ReadableStream({ start(c) { c.error(new EvalError("src")); } }).pipeTo(sink(() => {}))),
    async () => attempt(() => ReadableStream.from([1, 2]).pipeTo(sink(() => { throw new URIError("dst"); }))),
    async () => { const t = new TransformStream({}, { highWaterMark: 1 }, { highWaterMark: 0 }); const w = t.writable.getWriter(); const sizes = [w.desiredSize]; const p = w.write(1); sizes.push(w.desiredSize); const r = t.readable.getReader(); const { value } = await r.read(); await p; return [sizes, value]; },
    async () => { const t = new TransformStream({ start(c) { c.error(new RangeError("s")); } }); return [await attempt(() => t.readable.getReader().read()), await attempt(() => t.writable.getWriter().write(1))]; },
    async () => { let pulled = 0; const s = new ReadableStream({ pull(c) { pulled++; c.enqueue(new Uint8Array(1)); } }, { highWaterMark: 0 }); const r = s.pipeThrough(new TransformStream()).getReader(); await r.read(); await new Promise((done) => setTimeout(done, 1)); return pulled < 6; },
    () => ReadableStream.from([1]).pipeTo({}), () => ReadableStream.from([1]).pipeThrough({}), () => tag(new TransformStream()), () => new TransformStream({ readableType: "x" }),
  ]);
  return [...out, log];
};
