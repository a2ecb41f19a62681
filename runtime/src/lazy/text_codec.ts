// TextEncoder and TextDecoder. UTF-8 is done by the host; the other encodings are in text_legacy.ts, loaded on demand.

import { hull } from "../host.ts";
import { apply } from "../primordials.ts";
import { concatBytes, defineInterface, toDictionary, toText, toUSVString, viewBytes } from "./web_idl.ts";

const { isView } = ArrayBuffer;
const toWellFormed = String.prototype.toWellFormed;
const uint8Tag = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)!.get!;
const maxUnitsPerPiece = 65536;

export class TextEncoder {
  get encoding(): string {
    return "utf-8";
  }
  encode(input: unknown = ""): Uint8Array {
    return hull.utf8Encode(toUSVString(input));
  }
  encodeInto(source: unknown, destination: Uint8Array): { read: number; written: number } {
    if (!isView(destination) || apply(uint8Tag, destination, []) !== "Uint8Array") {
      throw new TypeError("Failed to execute 'encodeInto' on 'TextEncoder': parameter 2 is not of type 'Uint8Array'.");
    }
    const text = toText(source);
    let read = 0;
    let room = destination.length;
    let written = 0;
    while (read < text.length && room > 0) {
      const piece = cutText(text, read, room);
      if (piece.length === 0) break;
      const bytes = hull.utf8Encode(apply(toWellFormed, piece, []) as string);
      destination.set(bytes, written);
      read += piece.length;
      written += bytes.length;
      room -= bytes.length;
    }
    return { read, written };
  }
}

// The longest piece of the text at `from`, within a bound, whose UTF-8 form fits into `room` bytes.
function cutText(text: string, from: number, room: number): string {
  const end = Math.min(text.length, from + maxUnitsPerPiece);
  let at = from;
  while (at < end) {
    const code = text.codePointAt(at)!;
    const size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (size > room) break;
    room -= size;
    at += code < 0x10000 ? 1 : 2;
  }
  return text.slice(from, at);
}

// Turns bytes into text. It keeps what a stream leaves incomplete, and forgets it when `stream` is false or it throws.
export interface Decoding {
  decode(bytes: Uint8Array, stream: boolean): string;
}

class Utf8Decoding implements Decoding {
  #kept: Uint8Array | undefined;
  #markSeen = false;
  constructor(
    readonly fatal: boolean,
    readonly ignoreBOM: boolean,
  ) {}

  decode(input: Uint8Array, stream: boolean): string {
    let bytes = this.#kept ? concatBytes([this.#kept, input]) : input;
    this.#kept = undefined;
    if (stream) {
      const tail = incompleteTail(bytes);
      if (tail > 0) {
        this.#kept = bytes.slice(bytes.length - tail);
        bytes = bytes.subarray(0, bytes.length - tail);
      }
    }
    const keepMark = this.ignoreBOM || this.#markSeen;
    this.#markSeen = stream && (this.#markSeen || bytes.length > 0);
    return hull.utf8Decode(bytes, this.fatal, keepMark);
  }
}

// Length of the sequence at the end that more bytes could complete.
function incompleteTail(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const size = byte >= 0xf0 && byte < 0xf5 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1;
    if (byte >= 0xf5 || size <= back) return 0;
    return back === 1 || validSecond(byte, bytes[bytes.length - back + 1]!) ? back : 0;
  }
  return 0;
}

function validSecond(lead: number, second: number): boolean {
  if (lead === 0xe0) return second >= 0xa0;
  if (lead === 0xed) return second <= 0x9f;
  if (lead === 0xf0) return second >= 0x90;
  return lead !== 0xf4 || second <= 0x8f;
}

const utf8Labels = ["unicode-1-1-utf-8", "unicode11utf8", "unicode20utf8", "utf-8", "utf8", "x-unicode20utf8"];
const noBytes = new Uint8Array(0);

export class TextDecoder {
  readonly #encoding: string;
  readonly #decoding: Decoding;
  readonly #fatal: boolean;
  readonly #ignoreBOM: boolean;

  constructor(label: unknown = "utf-8", init?: unknown) {
    const text = toText(label);
    const name = text.replace(/^[\t\n\f\r ]+|[\t\n\f\r ]+$/g, "").toLowerCase();
    const options = toDictionary(init, "Failed to construct 'TextDecoder'");
    this.#fatal = Boolean(options.fatal);
    this.#ignoreBOM = Boolean(options.ignoreBOM);
    if (utf8Labels.includes(name)) {
      this.#encoding = "utf-8";
      this.#decoding = new Utf8Decoding(this.#fatal, this.#ignoreBOM);
      return;
    }
    const { findEncoding, legacyDecoding } = require("./text_legacy.ts") as typeof import("./text_legacy.ts");
    const found = findEncoding(name);
    if (found === undefined) throw new RangeError(`The encoding label provided ('${text}') is invalid.`);
    this.#encoding = found;
    this.#decoding = legacyDecoding(found, this.#fatal, this.#ignoreBOM);
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
  decode(input?: unknown, options?: unknown): string {
    const bytes = input === undefined ? noBytes : viewBytes(input);
    if (!bytes) throw new TypeError("Failed to execute 'decode' on 'TextDecoder': parameter 1 is not an ArrayBuffer or a view");
    const stream = Boolean(toDictionary(options, "Failed to execute 'decode' on 'TextDecoder'").stream);
    try {
      return this.#decoding.decode(bytes, stream);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      throw new TypeError(`The encoded data was not valid for encoding ${this.#encoding}`);
    }
  }
}

defineInterface(TextEncoder, "TextEncoder");
defineInterface(TextDecoder, "TextDecoder", 0);
