// Web streams: the npm ponyfill, and byte sources of the host as ReadableStream.

import * as polyfill from "web-streams-polyfill";
import { defineInspect } from "./inspect.ts";
import { defineInterface } from "./web_idl.ts";

export const ReadableStream: any = polyfill.ReadableStream;
export const ReadableStreamBYOBReader: any = polyfill.ReadableStreamBYOBReader;
export const ReadableStreamDefaultReader: any = polyfill.ReadableStreamDefaultReader;
export const TransformStream: any = polyfill.TransformStream;
export const WritableStream: any = polyfill.WritableStream;
export const WritableStreamDefaultWriter: any = polyfill.WritableStreamDefaultWriter;
export const ByteLengthQueuingStrategy: any = polyfill.ByteLengthQueuingStrategy;
export const CountQueuingStrategy: any = polyfill.CountQueuingStrategy;

// All of them, since those without a global are reached through instances.
for (const [name, value] of Object.entries(polyfill)) if (typeof value === "function") defineInterface(value, name);
defineInspect(ReadableStream.prototype, "ReadableStream", ({ locked }) => ({ locked }));
defineInspect(WritableStream.prototype, "WritableStream", ({ locked }) => ({ locked }));
defineInspect(TransformStream.prototype, "TransformStream", ({ readable, writable }) => ({ readable, writable }));

// Bytes that arrive piece by piece, each in a buffer of its own; `read` gives undefined at the end.
export interface ByteSource {
  read(): Promise<Uint8Array | undefined>;
  cancel(reason: unknown): void;
}

// Nothing is read ahead: an unread stream must not leave an operation running.
export function streamOfSource(source: ByteSource): any {
  return new ReadableStream(
    {
      type: "bytes",
      async pull(controller: any) {
        let chunk = await source.read();
        while (chunk?.length === 0) chunk = await source.read();
        if (chunk !== undefined) {
          controller.enqueue(chunk);
          return;
        }
        controller.close();
        controller.byobRequest?.respond(0);
      },
      cancel(reason: unknown) {
        source.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

// Reads pieces of known total size to their end.
export async function readPieces(reader: { next(): Promise<Uint8Array | undefined> }, size: number): Promise<Uint8Array> {
  const all = new Uint8Array(size);
  let at = 0;
  for (let piece = await reader.next(); piece; piece = await reader.next()) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

export function isDisturbed(stream: any): boolean {
  return stream.locked || stream._disturbed === true;
}

// Reads a stream of byte chunks to its end.
export async function readAll(stream: any): Promise<Uint8Array[]> {
  const reader = stream.getReader();
  const chunks: Uint8Array[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return chunks;
    if (!(value instanceof Uint8Array)) throw new TypeError("Received a non-Uint8Array chunk from a body stream");
    chunks.push(value);
  }
}
