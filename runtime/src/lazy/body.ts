// Bodies of Request and Response (runtime.md §9.2). Bytes stay bytes and host streams stay host streams until user code asks
// for a ReadableStream.

import { hull } from "../host.ts";
import { asyncOp, track } from "../ops.ts";
import { fillSeeded } from "../random.ts";
import { isAction } from "../state.ts";
import { type Blob, blobBytes, blobOf, blobReader, isBlob, type PieceReader } from "./blob.ts";
import { isFormData } from "./form_data.ts";
import { blobType } from "./mime.ts";
import { encodeMultipart, formTooLarge, maxFormBytes, parseForm } from "./multipart.ts";
import { type ByteSource, isDisturbed, readAll, ReadableStream, streamOfSource, TransformStream } from "./streams.ts";
import { URLSearchParams } from "./url.ts";
import { concatBytes, decodeUtf8, ownBuffer, toUSVString, utf8, viewBytes } from "./web_idl.ts";

// What a body is read from: read() on behalf of user code, next() for something that is tracked itself or needs not be
// awaited.
interface BodySource extends ByteSource, PieceReader {
  cancel(): void;
}

// Pieces that somebody else makes.
class PieceSource implements BodySource {
  #reader: PieceReader;
  constructor(reader: PieceReader) {
    this.#reader = reader;
  }
  read(): Promise<Uint8Array | undefined> {
    return track("ReadableStream", this.next());
  }
  next(): Promise<Uint8Array | undefined> {
    return this.#reader.next();
  }
  cancel(): void {
    this.#reader.cancel();
  }
}

// A byte stream held by the host; pulled with "stream/read".
export class HostSource implements BodySource {
  #done = false;
  constructor(readonly streamId: string) {}

  read(): Promise<Uint8Array | undefined> {
    return track("ReadableStream", this.next());
  }
  async next(): Promise<Uint8Array | undefined> {
    while (!this.#done) {
      const [json, bytes] = await asyncOp("stream/read", { streamId: this.streamId }, undefined, undefined);
      if (JSON.parse(json).done) this.#done = true;
      if (bytes && bytes.length > 0) return bytes;
    }
    return undefined;
  }
  cancel(): void {
    if (this.#done) return;
    this.#done = true;
    asyncOp("stream/cancel", { streamId: this.streamId }, undefined, undefined).catch(() => {});
  }
}

interface ByteReader {
  read(): Promise<Uint8Array | undefined>;
  cancel(): void;
}

export class Body {
  #bytes: Uint8Array | undefined;
  #source: BodySource | undefined;
  #length: number | undefined; // of what the source gives
  #stream: any;
  #used = false;

  static ofBytes(bytes: Uint8Array): Body {
    const body = new Body();
    body.#bytes = bytes;
    return body;
  }
  static ofSource(source: BodySource, length?: number): Body {
    const body = new Body();
    body.#source = source;
    body.#length = length;
    return body;
  }
  static ofBlob(blob: Blob): Body {
    const bytes = blobBytes(blob);
    return bytes ? Body.ofBytes(bytes) : Body.ofPieces(blobReader(blob), blob.size);
  }
  static ofPieces(reader: PieceReader, length?: number): Body {
    return Body.ofSource(new PieceSource(reader), length);
  }
  static ofStream(stream: any): Body {
    const body = new Body();
    body.#stream = stream;
    return body;
  }

  get used(): boolean {
    return this.#used || (this.#stream !== undefined && this.#stream._disturbed === true);
  }
  get unusable(): boolean {
    return this.#used || (this.#stream !== undefined && isDisturbed(this.#stream));
  }
  // Length in bytes if it is known before reading.
  get length(): number | undefined {
    return this.#bytes?.length ?? this.#length;
  }
  get replayable(): boolean {
    return this.#bytes !== undefined;
  }

  get stream(): any {
    if (this.#stream === undefined) {
      if (this.#used) this.#stream = lockedStream();
      else if (this.#bytes) this.#stream = blobOf(this.#bytes, "").stream();
      else this.#stream = streamOfSource(this.#source!);
    }
    return this.#stream;
  }

  async consume(): Promise<Uint8Array> {
    return this.#source && !this.#stream ? this.#consumeSource(this.#source, () => this.#source!.read()) : this.#consumeHeld();
  }

  // The bytes of a form, which are read as one operation and are limited in size.
  consumeForm(): Promise<Uint8Array> {
    const source = this.#stream ? undefined : this.#source;
    return track("formData", source ? this.#consumeSource(source, () => source.next(), maxFormBytes) : this.#consumeHeld());
  }

  async #consumeSource(source: BodySource, read: () => Promise<Uint8Array | undefined>, limit = Infinity): Promise<Uint8Array> {
    this.#used = true;
    const chunks: Uint8Array[] = [];
    let size = 0;
    for (let chunk = await read(); chunk; chunk = await read()) {
      chunks.push(chunk);
      size += chunk.length;
      if (size <= limit) continue;
      source.cancel();
      throw formTooLarge();
    }
    return concatBytes(chunks);
  }

  async #consumeHeld(): Promise<Uint8Array> {
    this.#used = true;
    if (this.#bytes) {
      if (this.#stream) this.#stream.getReader();
      return this.#bytes;
    }
    return concatBytes(await readAll(this.#stream));
  }

  // The pieces of the body in order, for sending it on. Who stops early cancels the body.
  async *chunks(): AsyncGenerator<Uint8Array> {
    this.#used = true;
    if (this.#bytes) {
      yield this.#bytes;
      return;
    }
    const next = this.#stream ? streamReader(this.#stream) : sourceReader(this.#source!);
    let ended = false;
    try {
      for (let bytes = await next.read(); bytes; bytes = await next.read()) yield bytes;
      ended = true;
    } finally {
      if (!ended) next.cancel();
    }
  }

  // Takes the content over; the old body is used from then on.
  transfer(): Body {
    const next = new Body();
    if (this.#stream) next.#stream = this.#stream.pipeThrough(new TransformStream());
    else {
      next.#bytes = this.#bytes;
      next.#source = this.#source;
      next.#length = this.#length;
    }
    this.#used = true;
    return next;
  }

  clone(): Body {
    if (this.#bytes && !this.#stream) return Body.ofBytes(this.#bytes);
    const [mine, other] = this.stream.tee();
    this.#bytes = undefined;
    this.#source = undefined;
    this.#length = undefined;
    this.#stream = mine;
    return Body.ofStream(other);
  }
}

// What a body shows that was read without anybody looking at its stream.
function lockedStream(): any {
  const stream = new ReadableStream();
  stream.getReader();
  return stream;
}

const sourceReader = (source: BodySource): ByteReader => ({ read: () => source.next(), cancel: () => source.cancel() });

function streamReader(stream: any): ByteReader {
  const reader = stream.getReader();
  return {
    async read() {
      const { done, value } = await reader.read();
      if (done) return undefined;
      const bytes = viewBytes(value);
      if (!bytes) throw new TypeError("Received a non-Uint8Array chunk from a body stream");
      return bytes;
    },
    cancel() {
      reader.cancel().catch(() => {});
    },
  };
}

function randomBoundary(): string {
  const bytes = new Uint8Array(16);
  if (isAction()) hull.secureRandom(bytes);
  else fillSeeded(bytes);
  return `----formdata-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

// Turns a BodyInit into a body and its default content type.
export function extractBody(init: unknown): { body: Body; contentType: string | null } {
  if (isBlob(init)) return { body: Body.ofBlob(init), contentType: init.type || null };
  if (init instanceof ReadableStream) {
    if (isDisturbed(init)) throw new TypeError("The body stream is locked or already read");
    return { body: Body.ofStream(init), contentType: null };
  }
  if (isFormData(init)) {
    const boundary = randomBoundary();
    return { body: Body.ofBlob(encodeMultipart(init, boundary)), contentType: `multipart/form-data; boundary=${boundary}` };
  }
  if (init instanceof URLSearchParams) {
    return { body: Body.ofBytes(utf8(String(init))), contentType: "application/x-www-form-urlencoded;charset=UTF-8" };
  }
  const view = viewBytes(init);
  if (view) return { body: Body.ofBytes(view.slice()), contentType: null };
  return { body: Body.ofBytes(utf8(toUSVString(init))), contentType: "text/plain;charset=UTF-8" };
}

interface BodyOwner {
  body: Body | undefined;
  contentType: string | null;
}

// Adds body, bodyUsed and the reading methods to a class.
export function defineBodyMethods(target: object, className: string, ownerOf: (self: any) => BodyOwner): void {
  const take = async (self: unknown, method: string): Promise<[Uint8Array, string | null]> => {
    const { body, contentType } = ownerOf(self);
    if (!body) return [new Uint8Array(0), contentType];
    if (body.unusable) throw new TypeError(`Failed to execute '${method}' on '${className}': body stream already read`);
    return [await (method === "formData" ? body.consumeForm() : body.consume()), contentType];
  };
  const methods: Record<string, (this: unknown) => Promise<unknown>> = {
    async text() {
      return decodeUtf8((await take(this, "text"))[0]);
    },
    async json() {
      return JSON.parse(decodeUtf8((await take(this, "json"))[0]));
    },
    async arrayBuffer() {
      return ownBuffer((await take(this, "arrayBuffer"))[0]);
    },
    async bytes() {
      return (await take(this, "bytes"))[0].slice();
    },
    async blob() {
      const [bytes, contentType] = await take(this, "blob");
      return blobOf(bytes.slice(), blobType(contentType));
    },
    async formData() {
      const [bytes, contentType] = await take(this, "formData");
      return parseForm(bytes, contentType);
    },
  };
  for (const [name, value] of Object.entries(methods)) {
    Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: true });
  }
  const accessors: Record<string, (this: unknown) => unknown> = {
    body() {
      return ownerOf(this).body?.stream ?? null;
    },
    bodyUsed() {
      return ownerOf(this).body?.used ?? false;
    },
  };
  for (const [name, get] of Object.entries(accessors)) Object.defineProperty(target, name, { get, configurable: true, enumerable: true });
}
