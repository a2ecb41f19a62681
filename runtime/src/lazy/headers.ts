// Headers in insertion order (runtime.md §9.2).

import { defineInspect } from "./inspect.ts";
import { definePairIteration } from "./web_idl.ts";

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

function normalizeName(name: unknown, method: string): string {
  const text = String(name);
  if (!token.test(text)) throw new TypeError(`Failed to execute '${method}' on 'Headers': Invalid name: '${text}'`);
  return text.toLowerCase();
}

function normalizeValue(value: unknown, method: string): string {
  const text = String(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "");
  if (/[\0\r\n]|[^\0-\xff]/.test(text)) throw new TypeError(`Failed to execute '${method}' on 'Headers': Invalid value: '${text}'`);
  return text;
}

export class Headers {
  #pairs: Array<[string, string]> = [];

  constructor(init?: unknown) {
    if (init === undefined) return;
    if (init instanceof Headers) {
      this.#pairs = init.#pairs.map(([name, value]) => [name, value]);
      return;
    }
    if ((typeof init !== "object" && typeof init !== "function") || init === null) {
      throw new TypeError("Failed to construct 'Headers': The provided value is not of type '(record or sequence)'.");
    }
    const pairs = (init as any)[Symbol.iterator] ? (init as Iterable<any>) : Object.entries(init);
    for (const pair of pairs) {
      const [name, value, ...more] = pair;
      if (more.length > 0 || value === undefined) throw new TypeError("Failed to construct 'Headers': Invalid name/value pair");
      this.append(name, value);
    }
  }

  append(name: unknown, value: unknown): void {
    this.#pairs.push([normalizeName(name, "append"), normalizeValue(value, "append")]);
  }
  delete(name: unknown): void {
    const key = normalizeName(name, "delete");
    this.#pairs = this.#pairs.filter(([other]) => other !== key);
  }
  get(name: unknown): string | null {
    const key = normalizeName(name, "get");
    const values = this.#pairs.filter(([other]) => other === key).map(([, value]) => value);
    return values.length === 0 ? null : values.join(", ");
  }
  has(name: unknown): boolean {
    const key = normalizeName(name, "has");
    return this.#pairs.some(([other]) => other === key);
  }
  set(name: unknown, value: unknown): void {
    const key = normalizeName(name, "set");
    const pair: [string, string] = [key, normalizeValue(value, "set")];
    const index = this.#pairs.findIndex(([other]) => other === key);
    this.#pairs = this.#pairs.filter(([other], at) => other !== key || at === index);
    if (index < 0) this.#pairs.push(pair);
    else this.#pairs[index] = pair;
  }
  getSetCookie(): string[] {
    return this.#pairs.filter(([name]) => name === "set-cookie").map(([, value]) => value);
  }
  get [Symbol.toStringTag](): string {
    return "Headers";
  }

  static raw(headers: Headers): Array<[string, string]> {
    return headers.#pairs;
  }
  static adopt(pairs: Array<[string, string]>): Headers {
    const headers = new Headers();
    headers.#pairs = pairs.map(([name, value]) => [name.toLowerCase(), value]);
    return headers;
  }
}

// The pairs as they travel: repeated names stay repeated.
export const headerPairs = Headers.raw;
export const headersOf = Headers.adopt;
delete (Headers as { raw?: unknown }).raw;
delete (Headers as { adopt?: unknown }).adopt;

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

definePairIteration(Headers.prototype, combined);
defineInspect(Headers.prototype, "Headers", (headers) => Object.fromEntries(combined(headers)));
