// The FormData class.

import { defineInspect } from "./inspect.ts";
import { Blob, blobBytes, File } from "./blob.ts";
import { definePairIteration, toUSVString } from "./web_idl.ts";

type Value = string | File;

function toEntryValue(value: unknown, filename: unknown): Value {
  if (!(value instanceof Blob)) return toUSVString(value);
  if (value instanceof File && filename === undefined) return value;
  const name = filename === undefined ? "blob" : filename;
  const lastModified = value instanceof File ? value.lastModified : undefined;
  return new File([blobBytes(value)], name, { type: value.type, lastModified });
}

export class FormData {
  #entries: Array<[string, Value]> = [];

  constructor(form?: unknown) {
    if (form !== undefined) throw new TypeError("Failed to construct 'FormData': parameter 1 is not of type 'HTMLFormElement'.");
  }
  append(name: unknown, value: unknown, filename?: unknown): void {
    this.#entries.push([toUSVString(name), toEntryValue(value, filename)]);
  }
  set(name: unknown, value: unknown, filename?: unknown): void {
    const key = toUSVString(name);
    const entry: [string, Value] = [key, toEntryValue(value, filename)];
    const index = this.#entries.findIndex(([other]) => other === key);
    this.#entries = this.#entries.filter(([other], at) => other !== key || at === index);
    if (index < 0) this.#entries.push(entry);
    else this.#entries[index] = entry;
  }
  delete(name: unknown): void {
    const key = toUSVString(name);
    this.#entries = this.#entries.filter(([other]) => other !== key);
  }
  get(name: unknown): Value | null {
    const key = toUSVString(name);
    return this.#entries.find(([other]) => other === key)?.[1] ?? null;
  }
  getAll(name: unknown): Value[] {
    const key = toUSVString(name);
    return this.#entries.filter(([other]) => other === key).map(([, value]) => value);
  }
  has(name: unknown): boolean {
    const key = toUSVString(name);
    return this.#entries.some(([other]) => other === key);
  }
  get [Symbol.toStringTag](): string {
    return "FormData";
  }
  static list(form: FormData): Array<[string, Value]> {
    return form.#entries;
  }
}

export const formEntries = FormData.list;
delete (FormData as { list?: unknown }).list;
definePairIteration(FormData.prototype, formEntries);
defineInspect(FormData.prototype, "FormData", (form) => Object.fromEntries(formEntries(form)));
