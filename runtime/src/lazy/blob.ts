// Blob and File held in memory.

import { now } from "../date.ts";
import { defineCloneable } from "./cloneable.ts";
import { defineInspect } from "./inspect.ts";
import { streamOfSource } from "./streams.ts";
import {
  clampInteger, concatBytes, decodeUtf8, defineInterface, ownBuffer, requireArguments, toDictionary, toText, toUSVString, utf8,
  viewBytes,
} from "./web_idl.ts";

const lineEndings = ["transparent", "native"];

function normalizeType(type: unknown): string {
  const text = type === undefined ? "" : toText(type);
  return /[^\x20-\x7e]/.test(text) ? "" : text.toLowerCase();
}

function partBytes(part: unknown, nativeEndings: boolean): Uint8Array {
  if (isBlob(part)) return blobBytes(part);
  const view = viewBytes(part);
  if (view) return view.slice();
  const text = toUSVString(part);
  return utf8(nativeEndings ? text.replace(/\r\n?|\n/g, "\n") : text);
}

// The position that a slice argument stands for.
function position(value: unknown, length: number, fallback: number): number {
  if (value === undefined) return fallback;
  const at = clampInteger(value);
  return at < 0 ? Math.max(length + at, 0) : Math.min(at, length);
}

export class Blob {
  #bytes: Uint8Array;
  #type: string;

  constructor(parts: unknown = [], init?: unknown) {
    if ((typeof parts !== "object" && typeof parts !== "function") || parts === null || typeof (parts as any)[Symbol.iterator] !== "function") {
      throw new TypeError("Failed to construct 'Blob': The provided value cannot be converted to a sequence.");
    }
    const options = toDictionary(init, "Failed to construct 'Blob'");
    const list = [...(parts as Iterable<unknown>)];
    const endings = options.endings === undefined ? "transparent" : toText(options.endings);
    if (!lineEndings.includes(endings)) throw new TypeError(`Failed to construct 'Blob': '${endings}' is not a valid value of 'endings'.`);
    const type = normalizeType(options.type);
    this.#bytes = concatBytes(list.map((part) => partBytes(part, endings === "native")));
    this.#type = type;
  }

  get size(): number {
    return this.#bytes.length;
  }
  get type(): string {
    return this.#type;
  }
  slice(start?: unknown, end?: unknown, type?: unknown): Blob {
    const { length } = this.#bytes;
    const from = position(start, length, 0);
    const to = position(end, length, length);
    return blobOf(this.#bytes.subarray(from, Math.max(from, to)), normalizeType(type));
  }
  async text(): Promise<string> {
    return decodeUtf8(this.#bytes);
  }
  async arrayBuffer(): Promise<ArrayBuffer> {
    return ownBuffer(this.#bytes);
  }
  async bytes(): Promise<Uint8Array> {
    return this.#bytes.slice();
  }
  stream(): any {
    const bytes = this.#bytes;
    let at = 0;
    return streamOfSource({
      async read() {
        if (at >= bytes.length) return undefined;
        const chunk = bytes.slice(at, at + 65536);
        at += chunk.length;
        return chunk;
      },
      cancel() {},
    });
  }

  static adopt(bytes: Uint8Array, type: string): Blob {
    const blob = new Blob();
    blob.#bytes = bytes;
    blob.#type = type;
    return blob;
  }
  static peek(blob: Blob): Uint8Array {
    return blob.#bytes;
  }
  static has(value: unknown): value is Blob {
    return typeof value === "object" && value !== null && #bytes in value;
  }
}

// A blob over bytes that nobody changes any more.
export const blobOf = Blob.adopt;
export const blobBytes = Blob.peek;
export const isBlob = Blob.has;
for (const key of ["adopt", "peek", "has"]) delete (Blob as any)[key];

export class File extends Blob {
  readonly #name: string;
  readonly #lastModified: number;
  constructor(parts: unknown, name: unknown, init?: unknown) {
    requireArguments(arguments.length, 2, "Failed to construct 'File'");
    const { lastModified } = toDictionary(init, "Failed to construct 'File'");
    super(parts, init);
    this.#name = toUSVString(name);
    this.#lastModified = lastModified === undefined ? now() : Math.trunc(Number(lastModified)) || 0;
  }
  get name(): string {
    return this.#name;
  }
  get lastModified(): number {
    return this.#lastModified;
  }
  get webkitRelativePath(): string {
    return "";
  }
  static has(value: unknown): value is File {
    return typeof value === "object" && value !== null && #name in value;
  }
}

export const isFile = File.has;
delete (File as { has?: unknown }).has;

defineInterface(Blob, "Blob", 0);
defineInterface(File, "File", 2);
defineCloneable((file) => {
  if (!isFile(file)) return undefined;
  return new File([file], file.name, { type: file.type, lastModified: file.lastModified });
});
defineCloneable((blob) => (isBlob(blob) ? blobOf(blobBytes(blob), blob.type) : undefined));
defineInspect(Blob.prototype, "Blob", (blob) => ({ size: blob.size, type: blob.type }));
defineInspect(File.prototype, "File", (file) => ({ name: file.name, size: file.size, type: file.type }));
