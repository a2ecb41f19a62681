// Headers in insertion order (runtime.md §9.2).

import { defineInspect } from "./inspect.ts";
import { defineInterface, definePairIteration, requireArguments, toText } from "./web_idl.ts";

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

function normalizeName(name: unknown, context: string): string {
  const text = toText(name);
  if (!token.test(text)) throw new TypeError(`${context}: Invalid name: '${text}'`);
  return text.toLowerCase();
}

function normalizeValue(value: unknown, context: string): string {
  const text = toText(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "");
  if (/[\0\r\n]|[^\0-\xff]/.test(text)) throw new TypeError(`${context}: Invalid value: '${text}'`);
  return text;
}

const on = (method: string) => `Failed to execute '${method}' on 'Headers'`;
const construction = "Failed to construct 'Headers'";

export class Headers {
  #pairs: Array<[string, string]> = [];

  constructor(init?: unknown) {
    if (init === undefined) return;
    if ((typeof init !== "object" && typeof init !== "function") || init === null) {
      throw new TypeError(`${construction}: The provided value is not of type '(record or sequence)'.`);
    }
    // Not by its iterator, which joins repeated names.
    if (isHeaders(init)) {
      this.#pairs = init.#pairs.map(([name, value]) => [name, value]);
      return;
    }
    const iterate = (init as any)[Symbol.iterator];
    if (iterate === undefined || iterate === null) this.#fillRecord(init);
    else this.#fillSequence(init as Iterable<unknown>);
  }

  #fillRecord(record: object): void {
    for (const key of Reflect.ownKeys(record)) {
      if (!Reflect.getOwnPropertyDescriptor(record, key)?.enumerable) continue;
      if (typeof key === "symbol") throw new TypeError(`${construction}: a name is a symbol`);
      this.append(key, (record as Record<string, unknown>)[key]);
    }
  }
  #fillSequence(pairs: Iterable<unknown>): void {
    for (const pair of pairs) {
      if (typeof pair !== "object" || pair === null) throw new TypeError(`${construction}: Invalid name/value pair`);
      const items = [...(pair as Iterable<unknown>)];
      if (items.length !== 2) throw new TypeError(`${construction}: Invalid name/value pair`);
      this.append(items[0], items[1]);
    }
  }

  append(name: unknown, value: unknown): void {
    requireArguments(arguments.length, 2, on("append"));
    this.#pairs.push([normalizeName(name, on("append")), normalizeValue(value, on("append"))]);
  }
  delete(name: unknown): void {
    requireArguments(arguments.length, 1, on("delete"));
    const key = normalizeName(name, on("delete"));
    this.#pairs = this.#pairs.filter(([other]) => other !== key);
  }
  get(name: unknown): string | null {
    requireArguments(arguments.length, 1, on("get"));
    const key = normalizeName(name, on("get"));
    const values = this.#pairs.filter(([other]) => other === key).map(([, value]) => value);
    return values.length === 0 ? null : values.join(", ");
  }
  has(name: unknown): boolean {
    requireArguments(arguments.length, 1, on("has"));
    const key = normalizeName(name, on("has"));
    return this.#pairs.some(([other]) => other === key);
  }
  set(name: unknown, value: unknown): void {
    requireArguments(arguments.length, 2, on("set"));
    const key = normalizeName(name, on("set"));
    const pair: [string, string] = [key, normalizeValue(value, on("set"))];
    const index = this.#pairs.findIndex(([other]) => other === key);
    if (index < 0) {
      this.#pairs.push(pair);
      return;
    }
    this.#pairs[index] = pair;
    this.#pairs = this.#pairs.filter(([other], at) => other !== key || at === index);
  }
  getSetCookie(): string[] {
    return this.#pairs.filter(([name]) => name === "set-cookie").map(([, value]) => value);
  }

  static raw(headers: Headers): Array<[string, string]> {
    return headers.#pairs;
  }
  static adopt(pairs: Array<[string, string]>): Headers {
    const headers = new Headers();
    headers.#pairs = pairs.map(([name, value]) => [name.toLowerCase(), value]);
    return headers;
  }
  static has(value: object): value is Headers {
    return #pairs in value;
  }
}

// The pairs as they travel: repeated names stay repeated.
export const headerPairs = Headers.raw;
export const headersOf = Headers.adopt;
const isHeaders = Headers.has;
for (const key of ["raw", "adopt", "has"]) delete (Headers as any)[key];

function combined(headers: Headers): Array<[string, string]> {
  const out: Array<[string, string]> = [];
  const seen = new Map<string, [string, string]>();
  for (const [name, value] of headerPairs(headers)) {
    const earlier = name === "set-cookie" ? undefined : seen.get(name);
    if (earlier) {
      earlier[1] += `, ${value}`;
      continue;
    }
    const pair: [string, string] = [name, value];
    seen.set(name, pair);
    out.push(pair);
  }
  return out;
}

defineInterface(Headers, "Headers", 0);
definePairIteration(Headers.prototype, "Headers", combined);
defineInspect(Headers.prototype, "Headers", (headers) => Object.fromEntries(combined(headers)));
