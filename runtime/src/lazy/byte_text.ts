// The algorithms of the ECMAScript proposal "Uint8Array to/from base64 and hex".

import { encodeBytes } from "./base64.ts";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const values = new Map([...alphabet].map((letter, value) => [letter, value]));
const blank = /[\t\n\f\r ]/;

interface Decoded {
  read: number; // of the text
  bytes: number[];
  error?: SyntaxError;
}
interface Progress {
  read: number;
  written: number;
}

function arrayOf(value: unknown): Uint8Array {
  if (Object.prototype.toString.call(value) !== "[object Uint8Array]") throw new TypeError("The receiver is not a Uint8Array");
  const array = value as Uint8Array;
  if (array.length === 0 && (array.buffer as ArrayBuffer).detached) throw new TypeError("The buffer of the array is detached");
  return array;
}

function textOf(value: unknown): string {
  if (typeof value !== "string") throw new TypeError("The argument is not a string");
  return value;
}

function choose(options: any, name: string, choices: readonly string[]): string {
  if (options !== undefined && (typeof options !== "object" || options === null)) throw new TypeError("The options are not an object");
  const choice = options?.[name] ?? choices[0]!;
  if (!choices.includes(choice)) throw new TypeError(`The option '${name}' is none of ${choices.join(", ")}`);
  return choice;
}
const alphabetOf = (options: unknown) => choose(options, "alphabet", ["base64", "base64url"]);
const endingOf = (options: unknown) => choose(options, "lastChunkHandling", ["loose", "strict", "stop-before-partial"]);

export function toBase64(receiver: unknown, options: any): string {
  const array = arrayOf(receiver);
  const url = alphabetOf(options) === "base64url";
  let text = encodeBytes(array.length, (index) => array[index]!);
  if (url) text = text.replaceAll("+", "-").replaceAll("/", "_");
  return options?.omitPadding ? text.replace(/=+$/, "") : text;
}

function skipBlanks(text: string, from: number): number {
  let index = from;
  while (index < text.length && blank.test(text[index]!)) index++;
  return index;
}

function decodeBase64(text: string, alphabetName: string, ending: string, max: number): Decoded {
  const bytes: number[] = [];
  let read = 0;
  let chunk: number[] = [];
  const failed = (why: string): Decoded => ({ read, bytes, error: new SyntaxError(why) });
  // The 2 or 3 letters of an incomplete last chunk, or all 4.
  const flush = () => {
    const group = chunk.reduce((sum, value) => sum * 64 + value, 0) * 64 ** (4 - chunk.length);
    for (let i = 0; i < chunk.length - 1; i++) bytes.push((group >> (16 - 8 * i)) & 255);
    const rest = chunk.length === 4 ? 0 : group & (2 ** (8 * (4 - chunk.length)) - 1);
    chunk = [];
    return rest === 0;
  };
  if (max === 0) return { read, bytes };
  for (let index = 0; ; ) {
    index = skipBlanks(text, index);
    if (index === text.length) {
      if (chunk.length > 0) {
        if (ending === "stop-before-partial") return { read, bytes };
        if (ending === "strict" || chunk.length === 1) return failed("The base64 text ends within a group");
        flush();
      }
      return { read: text.length, bytes };
    }
    const letter = text[index++]!;
    if (letter === "=") {
      if (chunk.length < 2) return failed("Unexpected padding in base64");
      index = skipBlanks(text, index);
      if (chunk.length === 2) {
        if (index === text.length) return ending === "stop-before-partial" ? { read, bytes } : failed("Incomplete padding in base64");
        if (text[index] === "=") index = skipBlanks(text, index + 1);
      }
      if (index < text.length) return failed("Unexpected character after the padding of base64");
      const before = bytes.length;
      if (!flush() && ending === "strict") {
        bytes.length = before;
        return failed("Extra bits at the end of base64");
      }
      return { read: text.length, bytes };
    }
    const isUrl = alphabetName === "base64url";
    const standard = isUrl ? (letter === "-" ? "+" : letter === "_" ? "/" : letter === "+" || letter === "/" ? "" : letter) : letter;
    const value = values.get(standard);
    if (value === undefined) return failed("Unexpected character in base64");
    const room = max - bytes.length;
    if ((room === 1 && chunk.length === 2) || (room === 2 && chunk.length === 3)) return { read, bytes };
    chunk.push(value);
    if (chunk.length === 4) {
      flush();
      read = index;
      if (bytes.length === max) return { read, bytes };
    }
  }
}

function decodeHex(text: string, max: number): Decoded {
  const bytes: number[] = [];
  let read = 0;
  if (text.length % 2 !== 0) return { read, bytes, error: new SyntaxError("Hex text has an even number of digits") };
  for (; read < text.length && bytes.length < max; read += 2) {
    const digits = text.slice(read, read + 2);
    if (!/^[0-9a-fA-F]{2}$/.test(digits)) return { read, bytes, error: new SyntaxError("Unexpected character in hex text") };
    bytes.push(parseInt(digits, 16));
  }
  return { read, bytes };
}

function made({ bytes, error }: Decoded): Uint8Array {
  if (error) throw error;
  return new Uint8Array(bytes);
}

// What could be decoded is written even if there is an error behind it.
function write(into: Uint8Array, { read, bytes, error }: Decoded): Progress {
  into.set(bytes);
  if (error) throw error;
  return { read, written: bytes.length };
}

export function fromBase64(text: unknown, options: unknown): Uint8Array {
  return made(decodeBase64(textOf(text), alphabetOf(options), endingOf(options), Infinity));
}

export function setFromBase64(receiver: unknown, text: unknown, options: unknown): Progress {
  const into = arrayOf(receiver);
  return write(into, decodeBase64(textOf(text), alphabetOf(options), endingOf(options), into.length));
}

export function toHex(receiver: unknown): string {
  return Array.from(arrayOf(receiver), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function fromHex(text: unknown): Uint8Array {
  return made(decodeHex(textOf(text), Infinity));
}

export function setFromHex(receiver: unknown, text: unknown): Progress {
  const into = arrayOf(receiver);
  return write(into, decodeHex(textOf(text), into.length));
}
