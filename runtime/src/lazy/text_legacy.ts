// Decoders of TextDecoder besides UTF-8: UTF-16 and the single-byte encodings that still occur on the web.

import type { Decoding } from "./text_codec.ts";

// Code points of the bytes 0x80-0xFF where they differ from Latin-1, per encoding: start byte and the text from there on.
const singleByte: Record<string, { labels: string[]; high: Array<[start: number, text: string]> }> = {
  "windows-1252": {
    labels: [
      "ansi_x3.4-1968", "ascii", "cp1252", "cp819", "csisolatin1", "ibm819", "iso-8859-1", "iso-ir-100", "iso8859-1",
      "iso88591", "iso_8859-1", "iso_8859-1:1987", "l1", "latin1", "us-ascii", "windows-1252", "x-cp1252",
    ],
    high: [[0x80, "€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ"]],
  },
  "windows-1251": {
    labels: ["cp1251", "windows-1251", "x-cp1251"],
    high: [
      [0x80, "ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—\x98™љ›њќћџ\xa0ЎўЈ¤Ґ¦§Ё©Є«¬\xad®Ї°±Ііґµ¶·ё№є»јЅѕї"],
      [0xc0, "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя"],
    ],
  },
  "iso-8859-2": {
    labels: ["csisolatin2", "iso-8859-2", "iso-ir-101", "iso8859-2", "iso88592", "iso_8859-2", "iso_8859-2:1987", "l2", "latin2"],
    high: [
      [0xa0, "\xa0Ą˘Ł¤ĽŚ§¨ŠŞŤŹ\xadŽŻ°ą˛ł´ľśˇ¸šşťź˝žż"],
      [0xc0, "ŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢßŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙"],
    ],
  },
  "iso-8859-15": {
    labels: ["csisolatin9", "iso-8859-15", "iso8859-15", "iso885915", "iso_8859-15", "l9"],
    high: [[0xa4, "€¥Š§š"], [0xb4, "Ž"], [0xb8, "ž"], [0xbc, "ŒœŸ"]],
  },
};

const utf16Labels: Record<string, string[]> = {
  "utf-16le": ["csunicode", "iso-10646-ucs-2", "ucs-2", "unicode", "unicodefeff", "utf-16", "utf-16le"],
  "utf-16be": ["unicodefffe", "utf-16be"],
};

export function findDecoding(label: string): { encoding: string; decoding: Decoding } | undefined {
  for (const [encoding, { labels, high }] of Object.entries(singleByte)) {
    if (labels.includes(label)) return { encoding, decoding: singleByteDecoding(high) };
  }
  for (const [encoding, labels] of Object.entries(utf16Labels)) {
    if (labels.includes(label)) return { encoding, decoding: utf16Decoding(encoding === "utf-16le") };
  }
  return undefined;
}

function singleByteDecoding(high: Array<[number, string]>): Decoding {
  const table = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));
  for (const [start, text] of high) for (let i = 0; i < text.length; i++) table[start + i] = text[i]!;
  return {
    decode(bytes) {
      let out = "";
      for (const byte of bytes) out += table[byte];
      return out;
    },
    incompleteTail: () => 0,
  };
}

function utf16Decoding(littleEndian: boolean): Decoding {
  const unit = (bytes: Uint8Array, at: number) =>
    littleEndian ? bytes[at]! | (bytes[at + 1]! << 8) : (bytes[at]! << 8) | bytes[at + 1]!;
  return {
    decode(bytes, fatal, ignoreBOM) {
      let out = "";
      for (let at = 0; at + 1 < bytes.length; at += 2) out += String.fromCharCode(unit(bytes, at));
      if (!ignoreBOM && out.startsWith("\ufeff")) out = out.slice(1);
      const broken = bytes.length % 2 === 1;
      if (fatal && (broken || !out.isWellFormed())) throw new TypeError("invalid UTF-16");
      return out.toWellFormed() + (broken ? "\ufffd" : "");
    },
    incompleteTail(bytes) {
      const odd = bytes.length % 2;
      const last = bytes.length - odd - 2;
      const highSurrogate = last >= 0 && (unit(bytes, last) & 0xfc00) === 0xd800;
      return odd + (highSurrogate ? 2 : 0);
    },
  };
}
