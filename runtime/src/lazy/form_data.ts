// The FormData class.

import { File, isBlob, isFile } from "./blob.ts";
import { defineInspect } from "./inspect.ts";
import { defineInterface, definePairIteration, requireArguments, toUSVString } from "./web_idl.ts";

type Value = string | File;

const on = (method: string) => `Failed to execute '${method}' on 'FormData'`;

// `given` is the number of arguments of the call.
function toEntry(method: string, given: number, name: unknown, value: unknown, filename: unknown): [string, Value] {
  requireArguments(given, 2, on(method));
  if (!isBlob(value)) {
    if (given > 2) throw new TypeError(`${on(method)}: parameter 2 is not of type 'Blob'.`);
    return [toUSVString(name), toUSVString(value)];
  }
  const key = toUSVString(name);
  if (isFile(value) && filename === undefined) return [key, value];
  const fileName = filename === undefined ? "blob" : filename;
  const lastModified = isFile(value) ? value.lastModified : undefined;
  return [key, new File([value], fileName, { type: value.type, lastModified })];
}

export class FormData {
  #entries: Array<[string, Value]> = [];

  constructor(form?: unknown) {
    if (form !== undefined) throw new TypeError("Failed to construct 'FormData': parameter 1 is not of type 'HTMLFormElement'.");
  }
  append(name: unknown, value: unknown, filename?: unknown): void {
    this.#entries.push(toEntry("append", arguments.length, name, value, filename));
  }
  delete(name: unknown): void {
    requireArguments(arguments.length, 1, on("delete"));
    const key = toUSVString(name);
    this.#entries = this.#entries.filter(([other]) => other !== key);
  }
  get(name: unknown): Value | null {
    requireArguments(arguments.length, 1, on("get"));
    const key = toUSVString(name);
    return this.#entries.find(([other]) => other === key)?.[1] ?? null;
  }
  getAll(name: unknown): Value[] {
    requireArguments(arguments.length, 1, on("getAll"));
    const key = toUSVString(name);
    return this.#entries.filter(([other]) => other === key).map(([, value]) => value);
  }
  has(name: unknown): boolean {
    requireArguments(arguments.length, 1, on("has"));
    const key = toUSVString(name);
    return this.#entries.some(([other]) => other === key);
  }
  set(name: unknown, value: unknown, filename?: unknown): void {
    const entry = toEntry("set", arguments.length, name, value, filename);
    const [key] = entry;
    const index = this.#entries.findIndex(([other]) => other === key);
    if (index < 0) {
      this.#entries.push(entry);
      return;
    }
    this.#entries[index] = entry;
    this.#entries = this.#entries.filter(([other], at) => other !== key || at === index);
  }

  static list(form: FormData): Array<[string, Value]> {
    return form.#entries;
  }
  static has(value: unknown): value is FormData {
    return typeof value === "object" && value !== null && #entries in value;
  }
}

export const formEntries = FormData.list;
export const isFormData = FormData.has;
for (const key of ["list", "has"]) delete (FormData as any)[key];

defineInterface(FormData, "FormData", 0);
definePairIteration(FormData.prototype, "FormData", formEntries);
defineInspect(FormData.prototype, "FormData", (form) => Object.fromEntries(formEntries(form)));
