// Base64: `atob`/`btoa` (runtime.md §2) and the byte forms used by other modules.

import { DOMException } from "./dom_exception.ts";
import { requireArguments, toText } from "./web_idl.ts";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const values = new Int16Array(128).fill(-1);
for (let i = 0; i < alphabet.length; i++) values[alphabet.charCodeAt(i)] = i;

export function encodeBytes(length: number, byteAt: (index: number) => number): string {
  let out = "";
  for (let i = 0; i < length; i += 3) {
    const left = length - i;
    const group = (byteAt(i) << 16) | ((left > 1 ? byteAt(i + 1) : 0) << 8) | (left > 2 ? byteAt(i + 2) : 0);
    out += alphabet[group >> 18]! + alphabet[(group >> 12) & 63];
    out += left > 1 ? alphabet[(group >> 6) & 63] : "=";
    out += left > 2 ? alphabet[group & 63] : "=";
  }
  return out;
}

// Undefined if the text is not forgiving-base64.
export function decodeBytes(text: string): Uint8Array | undefined {
  let data = text.replace(/[\t\n\f\r ]/g, "");
  if (data.length % 4 === 0) data = data.replace(/={1,2}$/, "");
  if (data.length % 4 === 1) return undefined;
  const bytes = new Uint8Array(Math.floor((data.length * 3) / 4));
  let group = 0;
  let bits = 0;
  let at = 0;
  for (let i = 0; i < data.length; i++) {
    const code = data.charCodeAt(i);
    const value = code < 128 ? values[code]! : -1;
    if (value < 0) return undefined;
    group = ((group << 6) | value) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (group >> bits) & 255;
    }
  }
  return bytes;
}

export function btoa(input: unknown): string {
  requireArguments(arguments.length, 1, "Failed to execute 'btoa'");
  const text = toText(input);
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 255) {
      throw new DOMException("The string to be encoded contains characters outside of the Latin1 range.", "InvalidCharacterError");
    }
  }
  return encodeBytes(text.length, (index) => text.charCodeAt(index));
}

export function atob(input: unknown): string {
  requireArguments(arguments.length, 1, "Failed to execute 'atob'");
  const bytes = decodeBytes(toText(input));
  if (!bytes) throw new DOMException("The string to be decoded is not correctly encoded.", "InvalidCharacterError");
  return latin1(bytes);
}

export function latin1(bytes: Uint8Array): string {
  let out = "";
  for (let i = 0; i < bytes.length; i += 8192) out += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return out;
}
