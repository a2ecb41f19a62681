// The encodings of TextDecoder besides UTF-8: UTF-16 here, the tables of all others from npm @exodus/bytes.

import labels from "@exodus/bytes/fallback/encoding.labels.js";
import type { Decoding } from "./text_codec.ts";

const multiByte = ["gbk", "gb18030", "big5", "euc-jp", "iso-2022-jp", "shift_jis", "euc-kr"];
const bigEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 0;
const unitsPerPiece = 8192;

// The name of the encoding of a label in lower case; undefined for unknown labels and for "replacement".
export function findEncoding(label: string): string | undefined {
  for (const name of Object.keys(labels)) {
    if (name === label || labels[name]!.includes(label)) return name === "replacement" ? undefined : name;
  }
  return undefined;
}

export function legacyDecoding(name: string, fatal: boolean, ignoreBOM: boolean): Decoding {
  if (name === "utf-16le" || name === "utf-16be") return new Utf16Decoding(name === "utf-16be", fatal, ignoreBOM);
  if (multiByte.includes(name)) {
    const { multibyteDecoder } = require("@exodus/bytes/fallback/multi-byte.js") as typeof import("@exodus/bytes/fallback/multi-byte.js");
    return { decode: multibyteDecoder(name, !fatal) };
  }
  const { encodingDecoder } = require("@exodus/bytes/fallback/single-byte.js") as typeof import("@exodus/bytes/fallback/single-byte.js");
  const decoder = encodingDecoder(name);
  return { decode: (bytes) => decoder(bytes, !fatal) };
}

class Utf16Decoding implements Decoding {
  #odd: number | undefined; // first half of a unit
  #high: number | undefined; // surrogate that waits for its second half
  #markSeen = false;
  constructor(
    readonly big: boolean,
    readonly fatal: boolean,
    readonly ignoreBOM: boolean,
  ) {}

  decode(bytes: Uint8Array, stream: boolean): string {
    let units = this.#units(bytes);
    if (this.#high !== undefined && units.length > 0) {
      const joined = new Uint16Array(units.length + 1);
      joined[0] = this.#high;
      joined.set(units, 1);
      units = joined;
      this.#high = undefined;
    }
    let incomplete = false;
    if (stream) {
      const last = units[units.length - 1];
      if (isHigh(last)) {
        this.#high = last;
        units = units.subarray(0, units.length - 1);
      }
    } else {
      incomplete = this.#odd !== undefined || this.#high !== undefined;
      // Half a pair and half a unit behind it are one error.
      if (this.#odd !== undefined && isHigh(units[units.length - 1])) units = units.subarray(0, units.length - 1);
      this.#odd = this.#high = undefined;
    }
    const dropMark = !this.ignoreBOM && !this.#markSeen && units[0] === 0xfeff;
    this.#markSeen = stream && (this.#markSeen || units.length > 0);
    const text = textOf(dropMark ? units.subarray(1) : units);
    if (this.fatal && (incomplete || !text.isWellFormed())) throw new TypeError("not well-formed");
    return incomplete ? `${text.toWellFormed()}\ufffd` : text.toWellFormed();
  }

  // The whole units of the bytes, in the order of the machine.
  #units(bytes: Uint8Array): Uint16Array {
    const lead = this.#odd === undefined ? 0 : 1;
    const total = lead + bytes.length;
    const copy = new Uint8Array(total & ~1);
    if (copy.length > 0) {
      if (this.#odd !== undefined) copy[0] = this.#odd;
      copy.set(bytes.subarray(0, copy.length - lead), lead);
    }
    if (total % 2 === 1) this.#odd = bytes.length > 0 ? bytes[bytes.length - 1] : this.#odd;
    else this.#odd = undefined;
    const units = new Uint16Array(copy.buffer);
    if (this.big !== bigEndian) for (let i = 0; i < units.length; i++) units[i] = (units[i]! >> 8) | (units[i]! << 8);
    return units;
  }
}

function isHigh(unit: number | undefined): unit is number {
  return unit !== undefined && (unit & 0xfc00) === 0xd800;
}

function textOf(units: Uint16Array): string {
  let out = "";
  for (let at = 0; at < units.length; at += unitsPerPiece) out += String.fromCharCode(...units.subarray(at, at + unitsPerPiece));
  return out;
}
