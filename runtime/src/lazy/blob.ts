// Blob and File held in memory.

import { now } from "../date.ts";
import { defineInspect } from "./inspect.ts";
import { streamOfSource } from "./streams.ts";
import { concatBytes, decodeUtf8, ownBuffer, toUSVString, utf8, viewBytes } from "./web_idl.ts";

function normalizeType(type: unknown): string {
  const text = type === undefined ? "" : String(type);
  return /[^\x20-\x7e]/.test(text) ? "" : text.toLowerCase();
}

function partBytes(part: unknown, nativeEndings: boolean): Uint8Array {
  if (part instanceof Blob) return blobBytes(part);
  const view = viewBytes(part);
  if (view) return view.slice();
  const text = toUSVString(part);
  return utf8(nativeEndings ? text.replace(/\r\n?/g, "\n") : text);
}

export class Blob {
  #bytes: Uint8Array;
  #type: string;

  constructor(parts: Iterable<unknown> = [], options: { type?: unknown; endings?: unknown } = {}) {
    if (typeof parts !== "object" || parts === null || typeof parts[Symbol.iterator] !== "function") {
      throw new TypeError("Failed to construct 'Blob': The provided value cannot be converted to a sequence.");
    }
    const nativeEndings = options?.endings === "native";
    this.#bytes = concatBytes(Array.from(parts, (part) => partBytes(part, nativeEndings)));
    this.#type = normalizeType(options?.type);
  }

  get size(): number {
    return this.#bytes.length;
  }
  get type(): string {
    return this.#type;
  }
  slice(start?: number, end?: number, type?: unknown): Blob {
    return blobOf(this.#bytes.subarray(start ?? 0, end ?? this.#bytes.length), normalizeType(type));
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
  get [Symbol.toStringTag](): string {
    return "Blob";
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
}

// A blob over bytes that nobody changes any more.
export const blobOf = Blob.adopt;
export const blobBytes = Blob.peek;
delete (Blob as { adopt?: unknown }).adopt;
delete (Blob as { peek?: unknown }).peek;

export class File extends Blob {
  readonly #name: string;
  readonly #lastModified: number;
  constructor(parts: Iterable<unknown>, name: unknown, options: { type?: unknown; lastModified?: number } = {}) {
    if (arguments.length < 2) throw new TypeError("Failed to construct 'File': 2 arguments required");
    super(parts, options);
    this.#name = toUSVString(name);
    this.#lastModified = options?.lastModified === undefined ? now() : Math.trunc(Number(options.lastModified));
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
  override get [Symbol.toStringTag](): string {
    return "File";
  }
}

defineInspect(Blob.prototype, "Blob", (blob) => ({ size: blob.size, type: blob.type }));
defineInspect(File.prototype, "File", (file) => ({ name: file.name, size: file.size, type: file.type }));
