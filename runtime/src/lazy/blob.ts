// Blob and File. A blob is a list of parts: bytes held in memory, and ranges of content that the host holds, which are read
// when somebody wants them.

import { now } from "../date.ts";
import { track } from "../ops.ts";
import { defineCloneable } from "./cloneable.ts";
import { defineInspect } from "./inspect.ts";
import { readPieces, streamOfSource } from "./streams.ts";
import {
  clampInteger, concatBytes, decodeUtf8, defineInterface, ownBuffer, requireArguments, toDictionary, toText, toUSVString, utf8,
  viewBytes,
} from "./web_idl.ts";

const lineEndings = ["transparent", "native"];

// Bytes that arrive piece by piece, each in a buffer of its own; undefined at the end.
export interface PieceReader {
  next(): Promise<Uint8Array | undefined>;
  cancel(): void;
}
// Content outside of this context. It does not change.
export interface HostContent {
  open(from: number, to: number): PieceReader;
}
interface Range {
  content: HostContent;
  from: number;
  to: number;
}
// Bytes in a part are not changed by anybody any more.
type Part = Uint8Array | Range;

const pieceBytes = 65536;

const isHeld = (part: Part): part is Uint8Array => part instanceof Uint8Array;
const partSize = (part: Part): number => (isHeld(part) ? part.length : part.to - part.from);

function cutPart(part: Part, from: number, to: number): Part {
  return isHeld(part) ? part.subarray(from, to) : { ...part, from: part.from + from, to: part.from + to };
}

// The bytes between two positions of a list of parts.
function cutParts(parts: Part[], from: number, to: number): Part[] {
  const cut: Part[] = [];
  let at = 0;
  for (const part of parts) {
    const size = partSize(part);
    const start = Math.max(from - at, 0);
    const end = Math.min(to - at, size);
    if (start < end) cut.push(start === 0 && end === size ? part : cutPart(part, start, end));
    at += size;
  }
  return cut;
}

// Neighbouring bytes become one part.
function joinParts(parts: Part[]): Part[] {
  const joined: Part[] = [];
  let run: Uint8Array[] = [];
  const endRun = () => {
    if (run.length > 0) joined.push(run.length === 1 ? run[0]! : concatBytes(run));
    run = [];
  };
  for (const part of parts) {
    if (partSize(part) === 0) continue;
    if (isHeld(part)) {
      run.push(part);
      continue;
    }
    endRun();
    joined.push(part);
  }
  endRun();
  return joined;
}

class PartsReader implements PieceReader {
  #parts: Part[];
  #open: PieceReader | undefined;
  #at = 0;
  constructor(parts: Part[]) {
    this.#parts = [...parts];
  }
  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const part = this.#parts[0];
      if (part === undefined) return undefined;
      if (isHeld(part)) {
        const chunk = part.slice(this.#at, this.#at + pieceBytes);
        this.#at += chunk.length;
        if (chunk.length > 0) return chunk;
      } else {
        this.#open ??= part.content.open(part.from, part.to);
        const chunk = await this.#open.next();
        if (chunk) return chunk;
      }
      this.#open = undefined;
      this.#at = 0;
      this.#parts.shift();
    }
  }
  cancel(): void {
    this.#parts = [];
    this.#open?.cancel();
  }
}

function normalizeType(type: unknown): string {
  const text = type === undefined ? "" : toText(type);
  return /[^\x20-\x7e]/.test(text) ? "" : text.toLowerCase();
}

function partsOf(part: unknown, nativeEndings: boolean): Part[] {
  if (isBlob(part)) return blobParts(part);
  const view = viewBytes(part);
  if (view) return [view.slice()];
  const text = toUSVString(part);
  return [utf8(nativeEndings ? text.replace(/\r\n?|\n/g, "\n") : text)];
}

// The position that a slice argument stands for.
function position(value: unknown, length: number, fallback: number): number {
  if (value === undefined) return fallback;
  const at = clampInteger(value);
  return at < 0 ? Math.max(length + at, 0) : Math.min(at, length);
}

export class Blob {
  #parts: Part[];
  #size: number;
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
    this.#parts = joinParts(list.flatMap((part) => partsOf(part, endings === "native")));
    this.#size = this.#parts.reduce((sum, part) => sum + partSize(part), 0);
    this.#type = type;
  }

  get size(): number {
    return this.#size;
  }
  get type(): string {
    return this.#type;
  }
  slice(start?: unknown, end?: unknown, type?: unknown): Blob {
    const from = position(start, this.#size, 0);
    const to = position(end, this.#size, this.#size);
    return blobOfParts(cutParts(this.#parts, from, to), normalizeType(type));
  }
  async text(): Promise<string> {
    return decodeUtf8(blobBytes(this) ?? (await readBlob(this)));
  }
  async arrayBuffer(): Promise<ArrayBuffer> {
    return ownBuffer(blobBytes(this) ?? (await readBlob(this)));
  }
  async bytes(): Promise<Uint8Array> {
    return blobBytes(this)?.slice() ?? (await readBlob(this));
  }
  stream(): any {
    const reader = blobReader(this);
    return streamOfSource({
      read: () => (blobBytes(this) ? reader.next() : track("ReadableStream", reader.next())),
      cancel: () => reader.cancel(),
    });
  }

  static adopt(parts: Part[], type: string): Blob {
    const blob = new Blob();
    blob.#parts = parts;
    blob.#size = parts.reduce((sum, part) => sum + partSize(part), 0);
    blob.#type = type;
    return blob;
  }
  static peek(blob: Blob): Part[] {
    return blob.#parts;
  }
  static has(value: unknown): value is Blob {
    return typeof value === "object" && value !== null && #parts in value;
  }
}

const blobParts = Blob.peek;
export const blobOfParts = Blob.adopt;
// A blob over bytes that nobody changes any more.
export const blobOf = (bytes: Uint8Array, type: string): Blob => blobOfParts(bytes.length > 0 ? [bytes] : [], type);
// The content if all of it is in memory.
export function blobBytes(blob: Blob): Uint8Array | undefined {
  const parts = blobParts(blob);
  if (parts.length === 0) return new Uint8Array(0);
  return parts.length === 1 && isHeld(parts[0]!) ? parts[0] : undefined;
}
export const blobReader = (blob: Blob): PieceReader => new PartsReader(blobParts(blob));
const readBlob = (blob: Blob): Promise<Uint8Array> => track("blob", readPieces(blobReader(blob), blob.size));
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
defineCloneable((blob) => (isBlob(blob) ? blobOfParts(blobParts(blob), blob.type) : undefined));
defineInspect(Blob.prototype, "Blob", (blob) => ({ size: blob.size, type: blob.type }));
defineInspect(File.prototype, "File", (file) => ({ name: file.name, size: file.size, type: file.type }));
