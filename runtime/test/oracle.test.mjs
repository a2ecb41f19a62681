// The web classes against Node's, which pass the Web Platform Tests: the same programs run with both and must agree.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import vm from "node:vm";
import { makeContext } from "./fake-native.mjs";

const directory = join(dirname(fileURLToPath(import.meta.url)), "programs");

// Programs see these: what an expression gives or throws, in a form that can be compared.
const prelude = `
const tag = (value) => {
  if (typeof value === "function") return "function";
  if (value === null || typeof value !== "object") return typeof value === "string" ? value : String(value);
  if (Array.isArray(value)) return value.map(tag);
  if (ArrayBuffer.isView(value)) return [Object.prototype.toString.call(value), ...new Uint8Array(value.buffer, value.byteOffset, value.byteLength)].join();
  if (value instanceof ArrayBuffer) return "ArrayBuffer " + new Uint8Array(value).join();
  if (Object.getPrototypeOf(value) === Object.prototype) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, tag(item)]));
  return Object.prototype.toString.call(value);
};
const failure = (error) => "throws " + (error && typeof error === "object" ? error.name : String(error));
const attempt = (action) => {
  try {
    const value = action();
    return typeof value?.then === "function" ? value.then(tag, failure) : tag(value);
  } catch (error) {
    return failure(error);
  }
};
const attempts = async (actions) => {
  const results = [];
  for (const action of actions) results.push(await attempt(action));
  return results;
};
// A generator of numbers below n, the same in both worlds.
const seeded = (seed) => (n) => { seed = (seed * 1103515245 + 12345) % 2147483648; return Math.floor((seed / 2147483648) * n); };
`;

const ours = () => {
  const rt = makeContext({ op: () => [{}] });
  rt.start("action");
  return rt.run;
};
const theirs = (code) => vm.runInThisContext(code);

for (const file of readdirSync(directory).sort()) {
  const programs = await import(join(directory, file));
  describe(file.replace(".mjs", ""), () => {
    for (const [name, program] of Object.entries(programs)) {
      it(name, { timeout: 30_000 }, async () => {
        const code = `(async () => { ${prelude}; return JSON.stringify(await (${program})()); })()`;
        const expected = JSON.parse(await theirs(code));
        const actual = JSON.parse(await ours()(code));
        assert.ok(expected.length > 0);
        assert.equal(actual.length, expected.length);
        const differences = expected.flatMap((item, index) => (isDeepStrictEqual(actual[index], item) ? [] : [{ index, actual: actual[index], expected: item }]));
        assert.deepEqual(differences.slice(0, 10), []);
      });
    }
  });
}
