// The storage calls of actions that pass Blobs (syscalls.md §3, column N). Bytes go to the server and come from it as the
// payloads of operations, so its public address need not be reachable from here.

import type { Call } from "./call.ts";
import type { OpResult } from "./wire.ts";

const maxPiece = 256 * 1024;
let nextUpload = 1;

interface StoreArgs {
  blob: unknown;
  options?: { sha256?: string };
}

const run = (call: Call, name: string, args: object, payload?: Uint8Array): Promise<OpResult> =>
  call.exchange(name, JSON.stringify(args), payload);
const parsed = (result: OpResult) => JSON.parse(result.json ?? "null");

export async function storeBlob(call: Call, { blob, options }: StoreArgs): Promise<string> {
  if (!(blob instanceof Blob)) {
    throw new Error(
      "store() expects a Blob. If you are trying to store a Request, `await request.blob()` will give you the correct input.",
    );
  }
  const args = { contentType: blob.type, sha256: options?.sha256, fetchId: `upload-${nextUpload++}`, streams: blob.size > maxPiece };
  if (!args.streams) return parsed(await run(call, "storage/store", args, new Uint8Array(await blob.arrayBuffer())));
  const stored = run(call, "storage/store", args);
  const sent = send(call, args.fetchId, blob);
  sent.catch(() => {}); // the outcome of the operation comes first
  const result = await stored;
  await sent;
  return parsed(result);
}

async function send(call: Call, fetchId: string, blob: Blob): Promise<void> {
  try {
    for (let at = 0; at < blob.size; at += maxPiece) {
      const piece = new Uint8Array(await blob.slice(at, at + maxPiece).arrayBuffer());
      if (parsed(await run(call, "fetch/write", { fetchId, done: false }, piece)).closed) return;
    }
  } catch (error) {
    await run(call, "fetch/write", { fetchId, done: true, error: String(error) });
    throw error;
  }
  await run(call, "fetch/write", { fetchId, done: true });
}

export async function getBlob(call: Call, { storageId }: { storageId: unknown }): Promise<Blob | null> {
  if (typeof storageId !== "string") {
    throw new Error(`storage.get requires a string storageId but received ${String(storageId)}`);
  }
  const found: { file: number; size: number; contentType: string | null } | null = parsed(
    await run(call, "storage/get", { storageId }),
  );
  if (found === null) return null;
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  if (found.size > 0) {
    const { streamId } = parsed(await run(call, "storage/read", { file: found.file, from: 0, to: found.size }));
    for (;;) {
      const result = await run(call, "stream/read", { streamId });
      if (parsed(result).done) break;
      if (result.payload) pieces.push(new Uint8Array(result.payload));
    }
  }
  return new Blob(pieces, { type: found.contentType ?? "" });
}
