// What user code finds in the runtime, row by row of the table of globals: an expression and what it gives. A row without a
// place ("everywhere") gives the same in queries, mutations, actions, HTTP actions and while modules are evaluated.
// The tests read this file too, for what they expect.

type Place = "query" | "mutation" | "action" | "http" | "import";
type Expected = string | RegExp;
export type Row = { run: () => unknown; gives: Expected | Partial<Record<Place | "transaction" | "active" | "else", Expected>> };

const wasm = () => new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 7, 7, 1, 3, 97, 100, 100, 0, 0, 10, 9, 1, 7, 0, 32, 0, 32, 1, 106, 11]);
const host = globalThis as any;
const absent = (names: string) => names.split(" ").filter((name) => typeof host[name] !== "undefined" || name in host).join();
const present = (names: string) => names.split(" ").filter((name) => typeof host[name] === "undefined").join();
const thrown = (action: () => unknown) => {
  try {
    return action();
  } catch (error: any) {
    return `${error.name}: ${error.message}`;
  }
};
const clone = (value: unknown, options?: any) => host.structuredClone(value, options);
const als = () => new host.AsyncLocalStorage();
const collect = async (stream: any) => {
  const parts: any[] = [];
  for await (const part of stream) parts.push(typeof part === "string" ? part : [...part].join());
  return parts.join("|");
};

// Failing ones end the call, so they are called one by one.
export const failing: Record<string, Row> = {
  "setTimeout outside actions": {
    run: () => setTimeout(() => {}, 1),
    gives: {
      transaction: /Uncaught Error: Can't use setTimeout in queries and mutations\. Please consider using an action\. See https:\/\/docs\.convex\.dev\/functions\/actions for more details\./,
      active: /^[1-9]\d*$/,
    },
  },
  "setInterval outside actions": {
    run: () => setInterval(() => {}, 1e6),
    gives: { transaction: /Can't use setTimeout in queries and mutations\./, active: /^[1-9]\d*$/ },
  },
  "AbortSignal.timeout outside actions": {
    run: () => AbortSignal.timeout(5).aborted,
    gives: { transaction: /Can't use setTimeout in queries and mutations\./, active: "false" },
  },
  "setTimeout with a string": {
    run: () => thrown(() => host.setTimeout("code")),
    gives: /Not implemented: code string argument for setTimeout\. Consider calling an action defined in Node\.js instead \(https:\/\/docs\.convex\.dev\/functions\/actions\)\./,
  },
};

export const rows: Record<string, Row> = {
  "V8 defaults": {
    run: () => present("Promise Map Proxy BigInt Intl Uint8Array SharedArrayBuffer Atomics WebAssembly Iterator WeakMap Symbol Reflect"),
    gives: { import: /^(|SharedArrayBuffer,WebAssembly)$/, else: "" },
  },
  "iterator helpers": { run: () => [1, 2, 3].values().map((x) => x * 2).toArray().join(), gives: "2,4,6" },
  "base64 of bytes": { run: () => host.Uint8Array.fromBase64("aGk=").toBase64() + host.Uint8Array.fromHex("ff")[0], gives: { import: /aGk=255|not a function/, else: "aGk=255" } },
  "set methods, groupBy, toSorted": { run: () => [...(new Set([1, 2]) as any).union(new Set([3]))].join() + Object.keys((Object as any).groupBy([1], () => "k")) + [2, 1].toSorted(), gives: "1,2,3k1,2" },
  "Convex": { run: () => typeof host.Convex.syscall + typeof host.Convex.asyncSyscall + typeof host.Convex.jsSyscall, gives: "functionfunctionfunction" },
  "self": { run: () => self === globalThis, gives: "true" },
  "undefined globals": {
    run: () => absent("window global navigator document Deno Buffer require module exports WebSocket XMLHttpRequest MessageChannel MessagePort BroadcastChannel CompressionStream DecompressionStream Worker caches setImmediate clearImmediate importScripts alert localStorage indexedDB location __hull __dirname"),
    gives: "",
  },
  "undefined stream classes": { run: () => absent("ReadableStreamBYOBRequest ReadableStreamDefaultController ReadableByteStreamController TransformStreamDefaultController WritableStreamDefaultController"), gives: "" },
  "defined globals": {
    run: () => present("Convex self process Date Math console structuredClone setTimeout setInterval clearTimeout clearInterval queueMicrotask fetch Request Response Headers FormData Blob File URL URLSearchParams TextEncoder TextDecoder TextEncoderStream TextDecoderStream atob btoa ReadableStream ReadableStreamBYOBReader ReadableStreamDefaultReader TransformStream WritableStream WritableStreamDefaultWriter ByteLengthQueuingStrategy CountQueuingStrategy Event EventTarget CustomEvent AbortController AbortSignal DOMException performance Performance PerformanceEntry PerformanceMark PerformanceMeasure crypto CryptoKey Crypto SubtleCrypto AsyncLocalStorage AsyncResource WeakRef FinalizationRegistry"),
    gives: "",
  },
  "globals are not enumerable": { run: () => Object.keys(globalThis).join(), gives: "" },
  "class names": { run: () => [Headers, Response, Blob, URL, URLSearchParams, ReadableStream, AbortSignal, DOMException, TextDecoder].map((c) => c.name + Object.prototype.toString.call(c.prototype).length).join(), gives: "Headers16,Response17,Blob13,URL12,URLSearchParams24,ReadableStream23,AbortSignal20,DOMException21,TextDecoder20" },
  "process": { run: () => Object.keys(process).join() + typeof process.version + typeof process.nextTick, gives: "envundefinedundefined" },
  "process.env.X": { run: () => `${process.env.GREETING} ${process.env.NOT_SET} ${typeof process.env.NOT_SET}`, gives: "hello undefined undefined" },
  "process.env lists nothing": { run: () => JSON.stringify([Object.keys(process.env), "GREETING" in process.env, { ...process.env }]), gives: "[[],false,{}]" },
  "process.env with an invalid name": {
    run: () => thrown(() => process.env["A-B"]),
    gives: "Error: The environment variable name A-B is invalid. Environment variable names must begin with a letter and may only include characters a-z, A-Z, 0-9, and underscores.",
  },
  "process.env with a long name": { run: () => thrown(() => process.env["A".repeat(257)]), gives: /^Error: The environment variable name A+ is invalid\./ },
  "Date": { run: () => [typeof Date(), new Date(0).toString(), new Date(2020, 6, 1).getTimezoneOffset(), Date.length, new Date() instanceof Date, Date.UTC(2020)].join("|"), gives: "string|Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)|0|7|true|1577836800000" },
  "Date stands still": { run: () => { const start = Date.now(); for (let i = 0; i < 1e5; i++); return Number.isInteger(start) && (Date.now() - start < 1000); }, gives: "true" },
  "Intl": {
    run: () => [new Intl.DateTimeFormat().resolvedOptions().timeZone, new Intl.NumberFormat().resolvedOptions().locale, (1234.5).toLocaleString(), new Date(0).toLocaleString(), new Intl.DateTimeFormat("de", { dateStyle: "long" }).format(0), ["b", "ä", "a"].sort(new Intl.Collator("de").compare).join(""), new Intl.PluralRules("en").select(1), [...new (Intl as any).Segmenter("en", { granularity: "word" }).segment("a b")].length, new Date(0).toLocaleString("en-US", { timeZone: "America/New_York" })].join("|"),
    gives: "UTC|en-US|1,234.5|1/1/1970, 12:00:00 AM|1. Januar 1970|aäb|one|3|12/31/1969, 7:00:00 PM",
  },
  "Math.random": { run: () => { const a = Math.random(); return a >= 0 && a < 1 && a !== Math.random(); }, gives: "true" },
  "console": { run: () => "debug error info log warn trace time timeLog timeEnd".split(" ").filter((name) => typeof host.console[name] !== "function").join(), gives: "" },
  "structuredClone": {
    run: () => {
      const value: any = { date: new Date(5), map: new Map([[1, new Set(["x"])]]), re: /a/gi, big: 5n, bytes: new Uint16Array([1, 2]), none: undefined, nil: null, error: new RangeError("r"), list: [1, , 3], text: new String("s") };
      value.self = value;
      const copy = clone(value);
      return [copy !== value, copy.self === copy, copy.date.getTime(), [...copy.map.get(1)], String(copy.re), copy.big, copy.bytes.join(), "none" in copy, copy.nil, copy.error instanceof RangeError, copy.error.message, 1 in copy.list, typeof copy.text].join("|");
    },
    gives: "true|true|5|x|/a/gi|5|1,2|true||true|r|false|object",
  },
  "structuredClone of runtime objects": {
    run: async () => {
      const { blob, file } = clone({ blob: new Blob(["b"], { type: "t/p" }), file: new File(["f"], "n", { lastModified: 3 }) });
      const error = clone(new DOMException("m", "AbortError"));
      return [await blob.text(), blob.type, blob instanceof File, file instanceof File, file.name, file.lastModified, error instanceof DOMException, error.name, error.code].join("|");
    },
    gives: "b|t/p|false|true|n|3|true|AbortError|20",
  },
  "structuredClone of keys": {
    run: async () => {
      const key = await crypto.subtle.importKey("raw", new Uint8Array(16), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
      const copy = clone({ key }).key;
      return [copy !== key, copy instanceof CryptoKey, copy.extractable, copy.usages, (await crypto.subtle.sign("HMAC", copy, new Uint8Array(1))).byteLength].join();
    },
    gives: "true,true,false,sign,32",
  },
  "structuredClone refuses": {
    run: () => [() => 1, Symbol("s"), new WeakMap(), new Headers(), new URL("http://a"), new ReadableStream(), new AbortController().signal, Promise.resolve(), new Proxy({}, {})].map((value) => thrown(() => clone({ value }))).map((text: any) => text.split(":")[0]).join(),
    gives: Array(9).fill("DataCloneError").join(),
  },
  "structuredClone says why": { run: () => thrown(() => clone(() => 1)) + "|" + thrown(() => clone(new Headers())) , gives: "DataCloneError: () => 1 could not be cloned.|DataCloneError: #<Headers> could not be cloned." },
  "structuredClone passes on what getters throw": { run: () => thrown(() => clone({ get x() { throw new RangeError("mine"); } })), gives: "RangeError: mine" },
  "structuredClone with transfer": {
    run: () => {
      const buffer = new Uint8Array([1, 2, 3]).buffer;
      const copy = clone({ view: new Uint8Array(buffer, 1) }, { transfer: [buffer] });
      const resizable = clone(new (ArrayBuffer as any)(2, { maxByteLength: 4 }));
      return [buffer.byteLength, copy.view.join(), copy.view.byteOffset, resizable.maxByteLength, thrown(() => clone(1, { transfer: [{}] })), thrown(() => clone(1, { transfer: [new ArrayBuffer(1)] })), thrown(() => { const b = new ArrayBuffer(1); clone(b, { transfer: [b, b] }); }), thrown(() => clone(1, { transfer: [buffer] }))].join("|");
    },
    gives: "0|2,3|1|4|DataCloneError: Value not transferable.|1|DataCloneError: ArrayBuffer occurs twice in the transfer list.|DataCloneError: An ArrayBuffer is detached and could not be cloned.",
  },
  "structuredClone shares memory and modules": {
    run: () => {
      const shared = new SharedArrayBuffer(4);
      const copy = clone({ shared });
      new Uint8Array(copy.shared)[0] = 7;
      const module = clone(new WebAssembly.Module(wasm()));
      return [new Uint8Array(shared)[0], copy.shared !== shared, (new WebAssembly.Instance(module).exports as any).add(2, 3)].join();
    },
    gives: { import: /^(7,true,5|ReferenceError: .* is not defined)$/, else: "7,true,5" },
  },
  "clearTimeout": { run: () => [clearTimeout(1), clearInterval(undefined), clearTimeout({} as any)].join(), gives: ",," },
  "setTimeout while modules are evaluated": { run: () => thrown(() => typeof setTimeout(() => {}, 1)), gives: { import: "Error: setTimeout() unsupported at import time", active: "number" } },
  "timers": {
    run: async () => {
      const seen: unknown[] = [];
      const id = setTimeout(() => seen.push("never"), 1);
      clearTimeout(id);
      await new Promise<void>((done) => {
        let ticks = 0;
        const interval = setInterval((x: string) => { seen.push(x + ++ticks); if (ticks === 2) { clearInterval(interval); done(); } }, 200, "tick");
        setTimeout((a: number, b: number) => seen.push(a + b), 100, 1, 2);
        setTimeout(() => seen.push("zero"), 0);
      });
      return seen.join();
    },
    gives: { active: "zero,3,tick1,tick2" },
  },
  "queueMicrotask": {
    run: async () => {
      const order: number[] = [];
      queueMicrotask(() => order.push(2));
      void Promise.resolve().then(() => order.push(3));
      order.push(1);
      await null;
      await null;
      return order.join() + thrown(() => host.queueMicrotask(5));
    },
    gives: "1,2,3TypeError: queueMicrotask: the callback is not a function",
  },
  "fetch": {
    run: () => fetch("ftp://h/").then(String, (error) => `${error.name}: ${error.message}`),
    gives: {
      transaction: "Error: Can't use fetch() in queries and mutations. Please consider using an action. See https://docs.convex.dev/functions/actions for more details.",
      active: "TypeError: Unsupported URL scheme -- http and https are supported (scheme was ftp)",
      import: "Error: fetch() unsupported at import time",
    },
  },
  "Request": {
    run: async () => {
      const request = new Request("http://h/p", { method: "POST", body: "hi", headers: { "X-A": "1" }, mode: "same-origin" });
      const copy = request.clone();
      return [request.method, request.url, request.mode, request.credentials, request.redirect, request.cache, request.duplex, request.keepalive, request.headers.get("x-a"), await copy.text(), await request.text(), request.bodyUsed].join("|");
    },
    gives: "POST|http://h/p|same-origin|same-origin|follow|default|half|false|1|hi|hi|true",
  },
  "a body is read once": {
    run: async () => {
      const request = new Request("http://h", { method: "POST", body: "x" });
      await request.text();
      return request.text().catch(String);
    },
    gives: "TypeError: Failed to execute 'text' on 'Request': body stream already read",
  },
  "Response": {
    run: async () => [Response.json({ a: 1 }).headers.get("content-type"), Response.redirect("http://a/").status, Response.error().status, new Response("é").headers.get("content-type"), (await new Response("ab").bytes()).length, thrown(() => new Response("", { status: 100 }))].join("|"),
    gives: "application/json|302|500|text/plain;charset=UTF-8|2|RangeError: Failed to construct 'Response': The status provided is outside the range [200, 599].",
  },
  "Headers": { run: () => JSON.stringify([...new Headers([["B", "1"], ["a", "2"], ["b", "3"], ["Set-Cookie", "x"], ["set-cookie", "y"]])]), gives: '[["b","1, 3"],["a","2"],["set-cookie","x"],["set-cookie","y"]]' },
  "FormData": {
    run: async () => {
      const form = new FormData();
      form.append("f", new Blob(["x"]), "n.txt");
      form.append("t", "v");
      return [...form].map(([key, value]) => key + (typeof value === "string" ? value : value.name)).join();
    },
    gives: "fn.txt,tv",
  },
  "FormData bodies": {
    run: async () => {
      const form = new FormData();
      form.set("t", "v\n");
      return JSON.stringify([(await new Response(form).formData()).get("t"), (await new Response(new URLSearchParams("a=b c")).formData()).get("a")]);
    },
    gives: { import: /^\["v\\r\\n","b c"\]$|randomness/, else: '["v\\r\\n","b c"]' },
  },
  "Blob and File": { run: async () => { const b = new Blob(["héllo"], { type: "A/B" }); return [b.size, b.type, await b.slice(0, 3).text(), await collect(b.stream()), new File(["x"], "n").name].join("|"); }, gives: "6|a/b|hé|104,195,169,108,108,111|n" },
  "URL": {
    run: () => {
      const url = new URL("/p?q#h", "HTTPS://U:P@EXÄMPLE.com:443");
      url.host = "b:8";
      url.username = "x y";
      url.password = "";
      return [url.href, URL.canParse("x"), URL.parse("x"), thrown(() => new URL("x")), thrown(() => new URL("//", "y"))].join("|");
    },
    gives: "https://x%20y@b:8/p?q#h|false||TypeError: Invalid URL: 'x'|TypeError: Invalid URL: '//'",
  },
  "URLSearchParams": { run: () => { const p = new URLSearchParams({ a: "1 &", b: "ü" }); p.append("a", "2"); return `${p} ${p.size}`; }, gives: "a=1+%26&b=%C3%BC&a=2 3" },
  "TextEncoder and TextDecoder": {
    run: () => [new TextEncoder().encode("é💩").join(), ...["utf-8", "UTF-16", "latin1", "gbk", "big5", "shift_jis", "euc-jp", "iso-2022-jp", "euc-kr", "gb18030", "koi8-r", "x-user-defined"].map((label) => new TextDecoder(label).encoding + new TextDecoder(label).decode(new Uint8Array([0xb0, 0xa1])).length), thrown(() => new TextDecoder("nope")), thrown(() => new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array([255])))].join("|"),
    gives: "195,169,240,159,146,169|utf-82|utf-16le1|windows-12522|gbk1|big51|shift_jis2|euc-jp1|iso-2022-jp2|euc-kr1|gb180301|koi8-r2|x-user-defined2|RangeError: The encoding label provided ('nope') is invalid.|TypeError: The encoded data was not valid for encoding utf-8",
  },
  "TextEncoderStream and TextDecoderStream": { run: () => collect((ReadableStream as any).from(["h", "é"]).pipeThrough(new TextEncoderStream()).pipeThrough(new TextDecoderStream())), gives: "h|é" },
  "atob and btoa": { run: () => [atob("aGk="), btoa("hi"), thrown(() => btoa("€")), thrown(() => atob("*"))].join("|"), gives: "hi|aGk=|InvalidCharacterError: The string to be encoded contains characters outside of the Latin1 range.|InvalidCharacterError: The string to be decoded is not correctly encoded." },
  "streams hold back": {
    run: async () => {
      let pulled = 0;
      const reader = new ReadableStream({ pull: (c) => c.enqueue(++pulled) }, { highWaterMark: 2 }).pipeThrough(new TransformStream()).getReader();
      await reader.read();
      for (let i = 0; i < 50; i++) await null;
      return pulled < 6;
    },
    gives: "true",
  },
  "byte streams": {
    run: async () => {
      const stream = new ReadableStream({ type: "bytes", pull(c: any) { c.byobRequest.view[0] = 9; c.byobRequest.respond(1); } } as any);
      const { value } = await (stream as any).getReader({ mode: "byob" }).read(new Uint8Array(4));
      return `${value.length} ${value[0]} ${value.buffer.byteLength}`;
    },
    gives: "1 9 4",
  },
  "Event and EventTarget": {
    run: () => {
      const target = new EventTarget();
      const seen: string[] = [];
      target.addEventListener("e", (event) => seen.push(event.type), { once: true });
      target.addEventListener("e", { handleEvent: () => seen.push("object") });
      target.dispatchEvent(new Event("e"));
      target.dispatchEvent(new CustomEvent("e", { detail: 5 }));
      return seen.join();
    },
    gives: "e,object,object",
  },
  "AbortController and AbortSignal": {
    run: () => {
      const controller = new AbortController();
      const both = AbortSignal.any([controller.signal]);
      controller.abort();
      return [both.aborted, both.reason.name, both.reason.code, AbortSignal.abort(5).reason, new (AbortSignal as any)().aborted, thrown(() => both.throwIfAborted())].join("|");
    },
    gives: "true|AbortError|20|5|false|AbortError: The operation was aborted.",
  },
  "DOMException": { run: () => { const e = new DOMException("m", "NotFoundError"); return [e instanceof Error, e.code, String(e), DOMException.ABORT_ERR].join(); }, gives: "true,8,NotFoundError: m,20" },
  "errors have stacks": { run: () => typeof new Error("x").stack + typeof new DOMException("x").stack, gives: { import: /^(string|undefined)/, else: "stringstring" } },
  "performance.now": {
    run: () => {
      const start = performance.now();
      const until = Date.now() + 3;
      for (let i = 0; i < 3e6 && Date.now() < until; i++);
      const end = performance.now();
      return `${end === start ? "fixed" : end > start ? "grows" : "shrinks"} ${start === 0} ${Number.isInteger(performance.timeOrigin)} ${Math.abs(start * 10 - Math.round(start * 10)) < 1e-6}`;
    },
    gives: { query: "fixed false true true", mutation: "grows false true true", active: "grows false true true", import: "fixed true true true" },
  },
  "performance marks": {
    run: () => {
      performance.mark("a", { startTime: 1 });
      performance.mark("b", { startTime: 4, detail: { x: 1 } });
      const measure = performance.measure("m", "a", "b");
      const out = [measure.duration, performance.getEntriesByType("mark").length, performance.getEntriesByName("b")[0] instanceof PerformanceMark, JSON.stringify(performance.toJSON()).startsWith('{"timeOrigin":')];
      performance.clearMarks();
      performance.clearMeasures();
      return [...out, performance.getEntries().length].join();
    },
    gives: "3,2,true,true,0",
  },
  "crypto": { run: () => [typeof crypto.subtle.digest, thrown(() => new (Crypto as any)()), thrown(() => crypto.getRandomValues(new Float32Array(1) as any)), thrown(() => crypto.getRandomValues(new Uint8Array(65537)))].join("|"), gives: /^function\|TypeError: Illegal constructor\|TypeMismatchError: .*\|TypeError: Byte length \(65537\) exceeds the number of bytes of entropy available via this API \(65536\)$/ },
  "crypto.randomUUID": { run: () => crypto.randomUUID(), gives: { import: /./, else: /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/ } },
  "AsyncLocalStorage": {
    run: async () => {
      const a = als();
      const b = als();
      const seen: unknown[] = [];
      const note = (where: string) => seen.push(`${where}${a.getStore()}${b.getStore()}`);
      await a.run(1, async () => {
        note("sync");
        await null;
        note("await");
        await b.run(2, async () => {
          await Promise.all([Promise.resolve().then(() => note("then")), (async () => { await 0; note("inner"); })()]);
          await { then: (done: any) => { note("thenable"); done(); } };
        });
        await new Promise<void>((done) => queueMicrotask(() => { note("microtask"); done(); }));
        for await (const _ of (async function* () { note("generator"); yield 1; note("resumed"); })());
        await Promise.reject(1).catch(() => note("catch")).finally(() => note("finally"));
        a.exit(() => note("exit"));
        a.enterWith(5);
        await null;
        note("entered");
      });
      note("outside");
      const bound = a.run(7, () => host.AsyncLocalStorage.bind(() => a.getStore()));
      const snapshot = a.run(8, () => host.AsyncLocalStorage.snapshot());
      const resource = a.run(9, () => new host.AsyncResource("R"));
      return seen.join() + [bound(), snapshot(() => a.getStore()), resource.runInAsyncScope(() => a.getStore())];
    },
    gives: "sync1undefined,await1undefined,then12,inner12,thenable12,microtask1undefined,generator1undefined,resumed1undefined,catch1undefined,finally1undefined,exitundefinedundefined,entered5undefined,outsideundefinedundefined7,8,9",
  },
  "AsyncLocalStorage and timers": {
    run: async () => {
      const a = als();
      const seen: string[] = [];
      await Promise.all([1, 2, 3].map((n) => a.run(n, () => new Promise<void>((done) => setTimeout(() => { seen.push(`${n}${a.getStore()}`); done(); }, 300 - n * 100)))));
      return seen.join();
    },
    gives: { active: "33,22,11" },
  },
  "WeakRef and FinalizationRegistry": { run: () => { const target = {}; const registry = new FinalizationRegistry(() => {}); registry.register(target, 1, target); return [new WeakRef(target).deref() === target, registry.unregister(target), thrown(() => new WeakRef(1 as any))].join(); }, gives: "true,true,TypeError: WeakRef: invalid target" },
  "no code from strings": {
    run: () => [() => (0, eval)("1"), () => new Function("return 1"), () => (async () => {}).constructor("1"), () => (function* () {}).constructor("1")].map(thrown).join("|"),
    gives: Array(4).fill("EvalError: Code generation from strings disallowed for this context").join("|"),
  },
  "WebAssembly": {
    run: async () => {
      const add = (exports: any) => exports.add(2, 40);
      const module = new WebAssembly.Module(wasm());
      const { instance } = await WebAssembly.instantiate(wasm());
      return [WebAssembly.validate(wasm()), add(new WebAssembly.Instance(module).exports), add(instance.exports), add(((await WebAssembly.instantiate(await WebAssembly.compile(wasm()))) as any).exports), thrown(() => new WebAssembly.Module(new Uint8Array(3)))].join("|");
    },
    gives: { import: /^(true\|42|ReferenceError)/, else: /^true\|42\|42\|42\|CompileError: / },
  },
  "Atomics.wait is refused": { run: () => thrown(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0, 10)), gives: { import: /TypeError: Atomics\.wait cannot be called in this context|ReferenceError/, else: "TypeError: Atomics.wait cannot be called in this context" } },
  "import.meta": { run: () => thrown(() => import.meta.url), gives: "TypeError: import.meta unsupported" },
  "import()": {
    run: () => import("./imported").then((module) => module.value, (error) => `${error.name}: ${error.message}`),
    gives: { active: "imported", transaction: "TypeError: dynamic module import unsupported", import: "TypeError: dynamic module import unsupported" },
  },
};
