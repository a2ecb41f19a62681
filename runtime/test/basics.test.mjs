// Console, determinism, globals and their refusals (runtime.md §2, §3, §8).
import assert from "node:assert/strict";
import { test } from "node:test";
import { callTime, importTime, makeContext, seed } from "./fake-native.mjs";

const line = (rt, code) => {
  rt.logs.length = 0;
  rt.run(code);
  return rt.logs.at(-1);
};

test("console formats arguments as the reference does", () => {
  const rt = makeContext();
  const shown = (code) => line(rt, `console.log(${code})`).messages[0];
  assert.equal(shown(`"hi"`), "'hi'");
  assert.equal(shown(`3`), "3");
  assert.equal(shown(`1n`), "1n");
  assert.equal(shown(`undefined`), "undefined");
  assert.equal(shown(`function f() {}`), "[Function: f]");
  assert.equal(shown(`new Error("boom")`), "[Error: boom]");
  assert.equal(shown(`[1, 2]`), "[ 1, 2 ]");
  assert.equal(shown(`{ a: 1, b: "x" }`), "{\n  a: 1,\n  b: 'x'\n}");
  assert.equal(shown(`new (class Foo { x = 1 })()`), "Foo {\n  x: 1\n}");
  assert.equal(shown(`new Blob(["abc"])`), 'Blob { size: 3, type: "" }');
  assert.match(shown(`new Map([[1, 2]])`), /^Map \(1\) \{/);
  assert.equal(shown(`(() => { const o = {}; o.o = o; return o; })()`), "{\n  o: [Circular]\n}");
});

test("console levels, timers and truncation", () => {
  const rt = makeContext();
  for (const [method, level] of [["log", "LOG"], ["debug", "DEBUG"], ["info", "INFO"], ["warn", "WARN"], ["error", "ERROR"]]) {
    assert.deepEqual(line(rt, `console.${method}(1, "a")`), { level, messages: ["1", "'a'"], truncated: false, code: "" });
  }
  assert.deepEqual(line(rt, `console.assert(false, "no")`), { level: "ERROR", messages: ["Assertion failed", "'no'"], truncated: false, code: "" });
  assert.deepEqual(line(rt, `console.count(); console.count()`).messages, ["default: 2"]);
  rt.run(`console.time("x")`);
  assert.deepEqual(line(rt, `console.time("x")`).messages, ["Timer 'x' already exists"]);
  assert.match(line(rt, `console.timeLog("x", 1)`).messages[0], /^x: \d+ms$/);
  assert.equal(line(rt, `console.timeEnd("x")`).level, "INFO");
  assert.deepEqual(line(rt, `console.timeEnd("x")`).messages, ["Timer 'x' does not exist"]);
  const long = line(rt, `console.log("é".repeat(20000), "dropped")`);
  assert.equal(long.truncated, true);
  assert.equal(long.messages.length, 1);
  assert.equal(Buffer.byteLength(long.messages[0]), 32767);
});

test("time and randomness are deterministic in queries", () => {
  const draw = () => {
    const rt = makeContext();
    rt.start("query");
    return { rt, values: rt.run(`JSON.stringify([Date.now(), new Date().getTime(), Math.random(), Math.random(), crypto.randomUUID()])`) };
  };
  const first = draw();
  assert.equal(first.values, draw().values);
  assert.deepEqual(first.rt.observed, ["time", "random"]);
  const [now, created, random, other] = JSON.parse(first.values);
  assert.equal(now, callTime);
  assert.equal(created, callTime);
  assert.ok(random >= 0 && random < 1 && random !== other);
  assert.match(JSON.parse(first.values)[4], /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  first.rt.start("mutation", Uint8Array.from(seed, (b) => b ^ 1));
  assert.notEqual(first.rt.run("Math.random()"), random);
});

test("import time has its own clock and seed", () => {
  const rt = makeContext();
  assert.equal(rt.run("Date.now()"), importTime);
  assert.equal(rt.run("performance.now()"), 0);
  assert.equal(rt.run("performance.timeOrigin"), importTime);
  assert.equal(rt.run("crypto.randomUUID()"), makeContext().run("crypto.randomUUID()"));
  assert.throws(() => rt.run(`Convex.syscall("1.0/queryStream", "{}")`), /Can't use database at import time/);
  assert.throws(() => rt.run(`Convex.asyncSyscall("1.0/get", "{}")`), /Syscall 1.0\/get unsupported at import time/);
  assert.throws(() => rt.run(`Convex.asyncSyscall("1.0/runUdf", "{}")`), /Cannot call another function at import time/);
  assert.throws(() => rt.run(`Convex.syscall("1.0/componentArgument", "{}")`), /Can't use `componentArg` at import time/);
  assert.deepEqual(rt.observed, []);
});

test("Date is a complete Date", () => {
  const rt = makeContext();
  rt.start("query");
  assert.equal(rt.run("new Date(0).toISOString()"), "1970-01-01T00:00:00.000Z");
  assert.equal(rt.run("typeof Date()"), "string");
  assert.equal(rt.run("new Date(2020, 1).getMonth()"), 1);
  assert.equal(rt.run("class D extends Date {}; const d = new D(); d instanceof D && d instanceof Date && d.getTime()"), callTime);
  assert.equal(rt.run("new Date().constructor === Date && Date.name === 'Date' && Date.length === 7"), true);
  assert.equal(rt.run("new Intl.DateTimeFormat('en', {timeZone: 'UTC', year: 'numeric'}).format()"), "2025");
  rt.start("action");
  assert.ok(Math.abs(rt.run("Date.now()") - Date.now()) < 1000 && Number.isInteger(rt.run("Date.now()")));
});

test("performance follows the rules of each kind", () => {
  const rt = makeContext();
  rt.start("query");
  assert.equal(rt.run("performance.now()"), callTime - importTime);
  rt.start("mutation");
  assert.ok(rt.run("performance.now()") >= callTime - importTime);
  assert.equal(rt.run(`performance.mark("a"); performance.measure("m", "a").entryType`), "measure");
});

test("process.env is a get-only proxy with name rules", () => {
  const rt = makeContext({ env: { TOKEN: "t" } });
  assert.equal(rt.run("process.env.TOKEN"), "t");
  assert.equal(rt.run("process.env.OTHER"), undefined);
  assert.equal(rt.run("JSON.stringify([Object.keys(process.env), 'TOKEN' in process.env, Object.keys(process)])"), '[[],false,["env"]]');
  assert.throws(() => rt.run("process.env['a-b']"), /The environment variable name a-b is invalid\. Environment variable names must begin/);
  rt.setPhase("auth");
  assert.throws(() => rt.run("process.env.OTHER"), /Environment variable OTHER is used in auth config file but its value was not set/);
  rt.setPhase("schema");
  assert.throws(() => rt.run("process.env.TOKEN"), /Environment variables unsupported when evaluating schema/);
});

test("configuration has neither randomness nor a clock", () => {
  const rt = makeContext();
  assert.equal(rt.run("typeof Math.random() + typeof Date.now()"), "numbernumber");
  for (const [phase, name] of [["auth", "auth config file"], ["definition", "convex.config.ts"]]) {
    rt.setPhase(phase);
    assert.throws(() => rt.run("Math.random()"), new RegExp(`Math\\.random\\(\\) unsupported when evaluating ${name}`));
    for (const clock of ["Date.now()", "new Date()", "Date()"]) assert.throws(() => rt.run(clock), new RegExp(`Date unsupported when evaluating ${name}`));
    assert.equal(rt.run("new Date(5).getTime()"), 5);
  }
});

test("timers and fetch are refused outside actions", async () => {
  const rt = makeContext();
  rt.start("query");
  await assert.rejects(rt.run("fetch('http://x')"), /^Error: Can't use fetch\(\) in queries and mutations\. Please consider using an action\./);
  assert.throws(() => rt.run("setTimeout('1', 1)"), rt.Uncatchable);
});

test("timers of actions fire in order of due time", async () => {
  const waits = [];
  const rt = makeContext({ op: (name, args) => new Promise((resolve) => waits.push({ ms: args.ms, resolve: () => resolve([{}]) })) });
  rt.start("action");
  rt.run(`globalThis.seen = []; setTimeout(() => seen.push("late"), 50); setTimeout((x) => seen.push(x), 10, "early");
    const t = setTimeout(() => seen.push("never"), 20); clearTimeout(t);`);
  await new Promise((resolve) => setTimeout(resolve, 5));
  waits.find((wait) => wait.ms === 50).resolve(); // overtakes
  await new Promise((resolve) => setTimeout(resolve, 5));
  waits.forEach((wait) => wait.resolve());
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual([...rt.run("seen")], ["early", "late"]);
  assert.deepEqual([...rt.hooks.unawaitedOps()], []);
});

test("absent and lazy globals", () => {
  const rt = makeContext();
  for (const name of ["window", "global", "Buffer", "require", "module", "navigator", "document", "__hull", "setImmediate", "WebSocket"]) {
    assert.equal(rt.run(`typeof ${name}`), "undefined", name);
  }
  const lazy = rt.run(`Object.entries(Object.getOwnPropertyDescriptors(globalThis)).filter(([, d]) => d.get).map(([n]) => n)`);
  assert.ok(lazy.length > 40);
  for (const name of lazy) {
    assert.notEqual(rt.run(`typeof ${name}`), "undefined", name);
    assert.equal(rt.run(`typeof ${name} === "function" ? ${name}.name : "${name}"`), name);
    const descriptor = rt.run(`Object.getOwnPropertyDescriptor(globalThis, "${name}")`);
    assert.deepEqual([descriptor.writable, descriptor.configurable, descriptor.enumerable], [true, true, false], name);
  }
  const other = makeContext();
  assert.equal(other.run("fetch = 5; fetch"), 5);
  assert.equal(rt.run("self === globalThis"), true);
});

test("small web globals", async () => {
  const rt = makeContext();
  assert.equal(rt.run(`atob(btoa("héllo"))`), "héllo");
  assert.throws(() => rt.run(`btoa("€")`), (error) => error.name === "InvalidCharacterError" && error.code === 5);
  assert.throws(() => rt.run("structuredClone(() => {})"), (error) => error.name === "DataCloneError");
  assert.equal(rt.run("new WeakRef(globalThis).deref() === globalThis"), true);
  assert.equal(rt.run(`new TextDecoder("utf-16le").decode(new Uint8Array([104, 0, 105, 0]))`), "hi");
  assert.equal(rt.run(`new TextDecoder("latin1").decode(new Uint8Array([0x80, 0xe9]))`), "€é");
  assert.equal(rt.run(`const d = new TextDecoder(); d.decode(new Uint8Array([0xe2, 0x82]), {stream: true}) + d.decode(new Uint8Array([0xac]))`), "€");
  assert.throws(() => rt.run(`new TextDecoder("utf-8", {fatal: true}).decode(new Uint8Array([255]))`), /^TypeError/);
  assert.deepEqual({ ...rt.run(`new TextEncoder().encodeInto("a€b", new Uint8Array(3))`) }, { read: 1, written: 1 });
  assert.equal(rt.run(`const c = new AbortController(); let n = 0; c.signal.onabort = () => n++; c.abort(); c.abort(); n`), 1);
  assert.equal(rt.run(`AbortSignal.any([AbortSignal.abort(7)]).reason`), 7);
  assert.equal(rt.run(`const als = new AsyncLocalStorage(); als.run(5, () => als.getStore()) + String(als.getStore())`), "5undefined");
  rt.start("query");
  assert.throws(() => rt.run("crypto.getRandomValues(new Uint8Array(65537))"), /^TypeError: Byte length \(65537\) exceeds/);
  assert.equal(
    Buffer.from(await rt.run(`crypto.subtle.digest("SHA-256", new TextEncoder().encode("abc"))`)).toString("hex").slice(0, 8),
    "ba7816bf",
  );
  assert.equal(
    await rt.run(`(async () => { const k = await crypto.subtle.importKey("raw", new Uint8Array([1]), {name: "HMAC", hash: "SHA-256"}, false, ["sign", "verify"]);
      const d = new Uint8Array([2]); return crypto.subtle.verify("HMAC", k, await crypto.subtle.sign("HMAC", k, d), d); })()`),
    true,
  );
  await assert.rejects(rt.run(`crypto.subtle.generateKey({name: "HMAC", hash: "SHA-256"}, true, ["sign"])`), /Can't use cryptographic randomness in queries/);
  await assert.rejects(rt.run(`crypto.subtle.encrypt("ROT13", 1, 2)`), (error) => error.name === "NotSupportedError");
});

test("base64 and hex of Uint8Array", () => {
  const rt = makeContext();
  const json = (code) => JSON.parse(rt.run(`JSON.stringify(${code})`));
  const thrown = (code) => rt.run(`(() => { try { return ${code} } catch (error) { return error.name } })()`);
  assert.equal(rt.run(`Uint8Array.from({ length: 8 }, (_, i) => 250 + i).subarray(1, 5).toBase64()`), "+/z9/g==");
  assert.equal(rt.run(`new Uint8Array([251, 255]).toBase64({ alphabet: "base64url", omitPadding: true })`), "-_8");
  assert.equal(rt.run(`new Uint8Array([9, 250, 251]).subarray(1).toHex()`), "fafb");
  assert.deepEqual(json(`[...Uint8Array.fromBase64(" A Q I D\\nBA = =")]`), [1, 2, 3, 4]);
  assert.deepEqual(json(`[...Uint8Array.fromBase64("-_8", { alphabet: "base64url" })]`), [251, 255]);
  assert.deepEqual(json(`[...Uint8Array.fromBase64("AQIDBA", { lastChunkHandling: "stop-before-partial" })]`), [1, 2, 3]);
  assert.deepEqual(json(`[...Uint8Array.fromHex("00fFaB")]`), [0, 255, 171]);
  const names = ["A", "AQ=", "AQ==A", "A+==", "=", "AQI%"].map((text) => thrown(`Uint8Array.fromBase64("${text}", { alphabet: "base64url" })`));
  assert.deepEqual(names, Array(6).fill("SyntaxError"));
  assert.equal(thrown(`Uint8Array.fromBase64("AQJ=", { lastChunkHandling: "strict" })`), "SyntaxError");
  assert.equal(thrown(`Uint8Array.fromBase64("AQI", { lastChunkHandling: "strict" })`), "SyntaxError");
  assert.equal(thrown(`Uint8Array.fromBase64("", { alphabet: "base32" })`), "TypeError");
  assert.equal(thrown(`Uint8Array.fromBase64(5)`), "TypeError");
  assert.equal(thrown(`Uint8Array.prototype.toHex.call([])`), "TypeError");
  assert.equal(thrown(`Uint8Array.fromHex("abc")`), "SyntaxError");
  assert.equal(thrown(`Uint8Array.fromHex("0x")`), "SyntaxError");
  assert.deepEqual(
    json(`(() => { const a = new Uint8Array(6); return [a.subarray(2).setFromBase64("AQIDBAUGBw"), [...a]]; })()`),
    [{ read: 4, written: 3 }, [0, 0, 1, 2, 3, 0]],
  );
  assert.deepEqual(
    json(`(() => { const a = new Uint8Array(3); return [a.subarray(1).setFromHex("aabbcc"), [...a]]; })()`),
    [{ read: 4, written: 2 }, [0, 170, 187]],
  );
  for (let size = 0; size < 70; size++) {
    const bytes = Array.from({ length: size }, (_, index) => (index * 89 + size) & 255);
    const text = Buffer.from(bytes).toString("base64");
    assert.equal(rt.run(`new Uint8Array(${JSON.stringify(bytes)}).toBase64()`), text);
    assert.deepEqual(json(`[...Uint8Array.fromBase64("${text}")]`), bytes);
  }
});
