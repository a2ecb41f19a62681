// TextEncoder and TextDecoder. UTF-8 is done by the host; the other encodings are in text_legacy.ts, loaded on demand.

import { hull } from "../host.ts";
import { concatBytes, viewBytes } from "./web_idl.ts";

export class TextEncoder {
  get encoding(): string {
    return "utf-8";
  }
  encode(input: unknown = ""): Uint8Array {
    return hull.utf8Encode(String(input).toWellFormed());
  }
  encodeInto(source: unknown, destination: Uint8Array): { read: number; written: number } {
    const text = String(source).toWellFormed();
    let read = 0;
    let room = destination.length;
    for (const char of text) {
      const code = char.codePointAt(0)!;
      const size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
      if (size > room) break;
      room -= size;
      read += char.length;
    }
    const bytes = hull.utf8Encode(text.slice(0, read));
    destination.set(bytes);
    return { read, written: bytes.length };
  }
}

// Decodes complete input; `rest` is what a stream must keep for the next chunk.
export interface Decoding {
  decode(bytes: Uint8Array, fatal: boolean, ignoreBOM: boolean): string;
  incompleteTail(bytes: Uint8Array): number;
}

const utf8Decoding: Decoding = {
  decode: (bytes, fatal, ignoreBOM) => hull.utf8Decode(bytes, fatal, ignoreBOM),
  incompleteTail(bytes) {
    for (let back = 1; back <= 3 && back <= bytes.length; back++) {
      const byte = bytes[bytes.length - back]!;
      if ((byte & 0xc0) === 0x80) continue;
      const size = byte >= 0xf0 && byte < 0xf5 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1;
      return byte < 0xf5 && size > back ? back : 0;
    }
    return 0;
  },
};

const utf8Labels = new Set(["unicode-1-1-utf-8", "unicode11utf8", "unicode20utf8", "utf-8", "utf8", "x-unicode20utf8"]);
const noBytes = new Uint8Array(0);

export class TextDecoder {
  readonly #encoding: string;
  readonly #decoding: Decoding;
  readonly #fatal: boolean;
  readonly #ignoreBOM: boolean;
  #kept: Uint8Array = noBytes;
  #started = false;

  constructor(label: unknown = "utf-8", options: { fatal?: unknown; ignoreBOM?: unknown } = {}) {
    const name = String(label).replace(/^[\t\n\f\r ]+|[\t\n\f\r ]+$/g, "").toLowerCase();
    if (utf8Labels.has(name)) {
      this.#encoding = "utf-8";
      this.#decoding = utf8Decoding;
    } else {
      const { findDecoding } = require("./text_legacy.ts") as typeof import("./text_legacy.ts");
      const found = findDecoding(name);
      if (!found) throw new RangeError(`The encoding label provided ('${label}') is invalid.`);
      this.#encoding = found.encoding;
      this.#decoding = found.decoding;
    }
    this.#fatal = Boolean(options?.fatal);
    this.#ignoreBOM = Boolean(options?.ignoreBOM);
  }

  get encoding(): string {
    return this.#encoding;
  }
  get fatal(): boolean {
    return this.#fatal;
  }
  get ignoreBOM(): boolean {
    return this.#ignoreBOM;
  }

  decode(input?: unknown, options: { stream?: unknown } = {}): string {
    let bytes = input === undefined ? noBytes : viewBytes(input);
    if (!bytes) throw new TypeError("Failed to execute 'decode' on 'TextDecoder': parameter 1 is not an ArrayBuffer or a view");
    if (this.#kept.length > 0) bytes = concatBytes([this.#kept, bytes]);
    this.#kept = noBytes;
    const streaming = Boolean(options?.stream);
    if (streaming) {
      const tail = this.#decoding.incompleteTail(bytes);
      if (tail > 0) {
        this.#kept = bytes.slice(bytes.length - tail);
        bytes = bytes.subarray(0, bytes.length - tail);
      }
    }
    const keepBOM = this.#ignoreBOM || this.#started;
    this.#started = streaming && (this.#started || bytes.length > 0);
    try {
      return this.#decoding.decode(bytes, this.#fatal, keepBOM);
    } catch {
      this.#started = false;
      throw new TypeError(`The encoded data was not valid for encoding ${this.#encoding}`);
    }
  }
}
