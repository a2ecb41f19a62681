// Headers, FormData, Blob, File, Request and Response. The order of headers is this runtime's own, so pairs are sorted here.

export const headers = () => {
  const sorted = (h) => [...h].map(([k, v]) => `${k}: ${v}`).sort();
  const inits = [undefined, {}, { a: "1", B: " 2\t" }, [["a", "1"], ["a", "2"], ["set-cookie", "x"], ["set-cookie", "y"]], new Map([["m", "n"]]), [["a"]], [["a", "b", "c"]], [1], "str", 5, true, { "a b": "c" }, { a: "b\nc" }, { a: "\u0100" }, { a: "é" }, { a: undefined, b: null, c: 3 }, { "": "x" }, new Headers({ q: "r" }), { a: "x\0y" }, (function* () { yield ["g", "1"]; })(), { [Symbol()]: "x" }, [["x", ["y"]]]];
  const out = inits.map((init) => attempt(() => sorted(new Headers(init))));
  const h = new Headers({ a: "1" });
  h.append("A", "2");
  out.push(h.get("a"), h.has("A"), h.get("zz"));
  h.set("a", "3");
  h.append("set-cookie", "c=1, d");
  h.append("Set-Cookie", "e=2");
  out.push(h.get("a"), h.get("set-cookie"), h.getSetCookie(), sorted(h));
  h.delete("A");
  out.push(sorted(h), attempt(() => h.get("a b")), attempt(() => h.append("x")), attempt(() => h.set("x", "a\rb")), attempt(() => h.delete("")), attempt(() => h.has()));
  const seen = [];
  h.forEach(function (value, name, self) { seen.push([value, name, self === h, this?.t]); }, { t: 1 });
  out.push(seen.length, tag(h), Object.prototype.toString.call(h.keys()), typeof h[Symbol.iterator], h[Symbol.iterator] === h.entries, [...h.keys()].sort(), [...h.values()].sort());
  out.push(attempt(() => Headers.prototype.get.call({}, "a")), attempt(() => Headers()), Headers.length, Object.keys(Headers.prototype).sort(), attempt(() => h.forEach(5)));
  return out;
};

export const blobs = async () => {
  const data = async (blob) => [blob.size, blob.type, await blob.text(), tag(await blob.arrayBuffer()), tag(await blob.bytes())];
  const out = await attempts([
    () => data(new Blob()), () => data(new Blob([])), () => data(new Blob(["a", "é", "\ud800"])), () => data(new Blob([new Uint8Array([1, 2]), new Uint8Array([3]).buffer, new DataView(new ArrayBuffer(1))])),
    () => data(new Blob(["x"], { type: "Text/PLAIN;a=B" })), () => data(new Blob(["x"], { type: "é" })), () => data(new Blob(["x"], { type: "a\u0000" })), () => data(new Blob([new Blob(["in"]), "out", 5, null, {}])),
    () => data(new Blob("str")), () => data(new Blob(5)), () => data(new Blob(new Set(["s"]))), () => data(new Blob(["a"], null)), () => data(new Blob(["a"], 5)), () => data(new Blob(["a"], { endings: "bad" })),
    () => data(new Blob(["a\r\nb\nc\rd"], { endings: "native" })), () => data(new Blob(["a\r\nb"], { endings: "transparent" })),
  ]);
  const base = new Blob(["0123456789"], { type: "t/x" });
  for (const args of [[], [2], [2, 5], [-3], [-3, -1], [5, 2], [20], [0, 100], [1.7, 3.2], [NaN, "4"], [undefined, 3], [null, 3], [0, 3, "A/B"], [0, 3, "é"], [0, Infinity]]) out.push([String(args), await attempt(() => data(base.slice(...args)))]);
  const file = new File(["ab"], "n/a\u0000me", { type: "X/y", lastModified: 5 });
  out.push(file.name, file.type, file.lastModified, file.size, tag(file), file instanceof Blob, await file.text(), tag(file.slice(0, 1)), tag(base));
  out.push(attempt(() => new File(["x"])), attempt(() => new File()), attempt(() => new File("x", "y")), new File([], "x", { lastModified: "12" }).lastModified, typeof new File([], "x").lastModified, attempt(() => Blob()), Blob.length, File.length, Blob.name);
  const chunks = [];
  for await (const chunk of new Blob(["stream me"]).stream()) chunks.push(tag(chunk));
  out.push(chunks);
  const reader = new Blob(["byob"]).stream().getReader({ mode: "byob" });
  const read = await reader.read(new Uint8Array(2));
  out.push(tag(read.value), read.done);
  return out;
};

export const forms = async () => {
  const form = new FormData();
  form.append("a", "1");
  form.append("a", 2);
  form.append("b", new Blob(["x"], { type: "t/p" }));
  form.append("c", new Blob(["y"]), "name.txt");
  form.append("d", new File(["z"], "f.txt", { lastModified: 3 }));
  form.append("e", new File(["w"], "f.txt"), "other");
  form.append("é\ud800", "\udc00");
  const show = (value) => (typeof value === "string" || value === null ? value : [tag(value), value.name, value.type, value.size]);
  const out = [[...form].map(([k, v]) => [k, show(v)]), form.get("a"), form.getAll("a"), form.has("b"), form.get("zz"), form.getAll("zz"), form.get("d").lastModified];
  form.set("a", "only");
  form.set("n", "new");
  form.delete("b");
  out.push([...form.keys()], show(form.get("a")));
  out.push(attempt(() => form.append("x")), attempt(() => form.append("x", "y", "z")), attempt(() => new FormData(1)), tag(form), attempt(() => form.get()), form[Symbol.iterator] === form.entries);
  const seen = [];
  form.forEach((value, key, self) => seen.push([key, typeof value, self === form]));
  out.push(seen);
  return out;
};

export const multipart = async () => {
  const form = new FormData();
  form.append('a"b\r\nc', "line1\nline2\r\nline3\rline4");
  form.append("f", new File(["é\r\n--x"], 'q"\n.txt', { type: "t/x; charset=é" }));
  form.append("g", new File(["bin"], "noType"));
  form.append("empty", "");
  const back = await new Response(form).formData();
  const show = async (value) => (typeof value === "string" ? value : [value.name, value.type, await value.text()]);
  const out = [await Promise.all([...back].map(async ([k, v]) => [k, await show(v)]))];
  const parse = async (type, body) => {
    const parsed = await new Response(body, { headers: { "content-type": type } }).formData();
    return Promise.all([...parsed].map(async ([k, v]) => [k, await show(v)]));
  };
  const part = '--B\r\nContent-Disposition: form-data; name="a"\r\n\r\nv\r\n';
  out.push(...(await attempts([
    () => parse("multipart/form-data; boundary=B", part + "--B--\r\n"),
    () => parse("multipart/form-data; boundary=\"B\"", part + "--B--"),
    () => parse("Multipart/Form-Data; charset=x; Boundary=B", part + "--B--\r\n"),
    () => parse("multipart/form-data; boundary=B", part),
    () => parse("multipart/form-data", part + "--B--"),
    () => parse("multipart/form-data; boundary=B", "garbage"),
    () => parse("multipart/form-data; boundary=B", '--B\r\ncontent-disposition: FORM-DATA; name=x\r\n\r\nv\r\n--B--\r\n'.replace("FORM-DATA", "form-data").replace("name=x", 'name="x"; filename="a%22b.txt"')),
    () => parse("application/x-www-form-urlencoded", "a=1&b=%C3%A9+x&&c&=d&e=%zz&f=%ff"),
    () => parse("application/x-www-form-urlencoded; charset=x", ""),
    () => parse("text/plain", "a=1"),
  ])));
  return out;
};

export const responses = async () => {
  const view = (r) => [r.status, r.statusText, r.ok, r.type, r.url, r.redirected, r.headers.get("content-type"), r.bodyUsed, r.body === null];
  const out = await attempts([
    () => view(new Response()), () => view(new Response(null)), () => view(new Response(undefined, { status: 204 })), () => view(new Response("x", { status: 201, statusText: "Made", headers: { a: "b" } })),
    () => view(new Response("x", { status: 204 })), () => view(new Response("x", { status: 99 })), () => view(new Response("x", { status: 600 })), () => view(new Response("x", { status: "404" })), () => view(new Response("x", { status: 200.9 })),
    () => view(new Response("x", { statusText: "a\nb" })), () => view(new Response("x", { statusText: "é" })), () => view(new Response("x", { statusText: "☃" })), () => view(new Response("x", null)), () => view(new Response("x", 5)),
    () => view(new Response(new URLSearchParams("a=b"))), () => view(new Response(new Blob(["x"], { type: "q/r" }))), () => view(new Response(new Uint8Array(2))), () => view(new Response("x", { headers: { "Content-Type": "m/n" } })), () => view(new Response(5)), () => view(new Response({})),
    () => view(Response.json({ a: 1 })), () => view(Response.json(undefined)), () => view(Response.json([], { status: 400, headers: { "content-type": "x/y" } })), () => view(Response.json(1, { status: 204 })), () => view(Response.json(1n)),
    () => Response.redirect("http://a/b").headers.get("location"), () => Response.redirect("http://a/b", 301).status, () => Response.redirect("http://a/b", 200), () => Response.redirect("bad"), () => Response.redirect(),
    () => [Response.error().type, Response.error().body], () => tag(new Response()), () => Response.length,
    async () => { const r = new Response('{"a":[1,2]}'); return [await r.json(), r.bodyUsed]; },
    () => new Response("{bad").json(), async () => { const r = new Response("é"); return [tag(await r.arrayBuffer()), r.bodyUsed, await attempt(() => r.text()), attempt(() => r.clone())]; },
    async () => { const r = new Response("x"); const c = r.clone(); return [await r.text(), await c.text(), c.bodyUsed]; },
    async () => { const r = new Response("x"); r.body.getReader(); return [r.bodyUsed, await attempt(() => r.text()), attempt(() => r.clone())]; },
    async () => { const r = new Response("xy"); const reader = r.body.getReader(); await reader.read(); reader.releaseLock(); return [r.bodyUsed, await attempt(() => r.text())]; },
    async () => { const r = new Response("x"); await r.text(); return [r.body === null, r.body.locked, r.bodyUsed]; },
    async () => { const r = new Response("x"); const body = r.body; await r.text(); return [body === r.body, body.locked]; },
    async () => { const r = new Response(null); return [await r.text(), r.bodyUsed, r.body, tag(await r.arrayBuffer())]; },
    async () => { const b = await new Response("x", { headers: { "content-type": "Text/HTML; Charset=\"utf-8\"; x=y" } }).blob(); return [b.type, b.size]; },
    async () => (await new Response("x", { headers: { "content-type": "nonsense" } }).blob()).type, async () => (await new Response(new Uint8Array(1)).blob()).type,
    async () => tag(await new Response("by").bytes()), async () => (await new Response("\ufeffbom").text()),
    () => new Response(ReadableStream.from(["not bytes"])).text(), () => new Response(ReadableStream.from([new Uint8Array([104, 105])])).text(),
    () => { const s = new ReadableStream(); s.getReader(); return new Response(s); }, () => new Response(new ReadableStream({ start(c) { c.error(new RangeError("e")); } })).text(),
    () => Object.keys(Response.prototype).sort().filter((key) => key !== "inspect"), () => Response.prototype.text.call({}),
  ]);
  return out;
};

export const requests = async () => {
  const view = (r) => [r.url, r.method, r.mode, r.credentials, r.cache, r.redirect, r.integrity, r.keepalive, r.referrer, r.referrerPolicy, r.duplex, r.destination, r.headers.get("content-type"), r.bodyUsed, r.body === null, r.signal.aborted];
  const U = "http://h/p";
  return attempts([
    () => view(new Request(U)), () => view(new Request("http://h/p?q#f")), () => view(new Request(new URL(U))), () => view(new Request("/rel")), () => view(new Request("http://u:p@h/")), () => new Request(),
    () => view(new Request(U, { method: "post", body: "x" })), () => view(new Request(U, { method: "GET", body: "x" })), () => view(new Request(U, { body: "x" })), () => view(new Request(U, { method: "bad method" })), () => view(new Request(U, { method: "TRACE" })), () => view(new Request(U, { method: "Custom" })), () => view(new Request(U, { method: "delete" })),
    () => view(new Request(U, { mode: "same-origin", credentials: "include", cache: "no-store", redirect: "manual", integrity: "sha256-x", keepalive: true, referrerPolicy: "origin" })),
    () => view(new Request(U, { mode: "navigate" })), () => view(new Request(U, { mode: "bad" })), () => view(new Request(U, { credentials: "bad" })), () => view(new Request(U, { cache: "only-if-cached" })), () => view(new Request(U, { cache: "only-if-cached", mode: "same-origin" })), () => view(new Request(U, { redirect: "bad" })), () => view(new Request(U, { referrerPolicy: "bad" })), () => view(new Request(U, { window: 1 })), () => view(new Request(U, { window: null })), () => view(new Request(U, { duplex: "full" })), () => view(new Request(U, { signal: {} })), () => view(new Request(U, { signal: null })), () => view(new Request(U, null)), () => view(new Request(U, 5)), () => view(new Request(U, { referrer: "" })), () => view(new Request(U, { referrer: "::bad" })),
    () => { const c = new AbortController(); const r = new Request(U, { signal: c.signal }); const copy = new Request(r); const other = new Request(r, { signal: null }); const distinct = r.signal !== c.signal; c.abort("z"); return [distinct, r.signal.aborted, r.signal.reason, copy.signal.aborted, other.signal.aborted, r.clone().signal.aborted]; },
    async () => { const r = new Request(U, { method: "POST", body: "x", headers: { a: "1" } }); const copy = new Request(r, { headers: { b: "2" } }); return [r.bodyUsed, copy.bodyUsed, copy.headers.get("a"), copy.headers.get("b"), await copy.text(), await attempt(() => r.text()), attempt(() => new Request(r)), attempt(() => r.clone())]; },
    async () => { const r = new Request(U, { method: "POST", body: "x" }); const copy = new Request(r, { body: "y" }); return [r.bodyUsed, await copy.text(), await r.text()]; },
    async () => { const r = new Request(U, { method: "POST", body: "x" }); r.body; const copy = new Request(r); return [r.bodyUsed, await copy.text(), await attempt(() => r.text())]; },
    () => { const r = new Request(U, { method: "POST", body: "x" }); return view(new Request(r, { method: "GET" })); },
    async () => { const r = new Request(U, { method: "POST", body: "x" }); const c = r.clone(); return [await r.text(), await c.text(), c.url, c.method]; },
    async () => { const r = new Request(U, { method: "POST", body: new URLSearchParams("a=1") }); return [...(await r.formData())]; },
    () => Object.keys(Request.prototype).sort().filter((key) => !/^(isReload|isHistory|attribute|targetAddress|priority)/.test(key)), () => tag(new Request(U)), () => Request.length,
  ]);
};
