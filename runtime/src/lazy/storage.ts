// The storage calls of actions that pass live Blobs (syscalls.md §3). Bytes go to the server and come from it as streams.

import { asyncOp, track } from "../ops.ts";
import { type Blob, blobBytes, blobOfParts, blobReader, type HostContent, isBlob, type PieceReader } from "./blob.ts";
import { Body, HostSource } from "./body.ts";
import { newFetchId, Upload } from "./fetch.ts";

const maxAtOnce = 256 * 1024;

interface StoreArgs {
  blob: unknown;
  options?: { sha256?: string };
}

export async function storeBlob(args: StoreArgs): Promise<string> {
  if (!isBlob(args.blob)) {
    throw new Error(
      "store() expects a Blob. If you are trying to store a Request, `await request.blob()` will give you the correct input.",
    );
  }
  return track("storeBlob", store(args.blob, args.options?.sha256));
}

async function store(blob: Blob, sha256: string | undefined): Promise<string> {
  const bytes = blob.size <= maxAtOnce ? blobBytes(blob) : undefined;
  const fetchId = newFetchId();
  const args = { fetchId, streams: bytes === undefined, contentType: blob.type, sha256 };
  const operation = asyncOp("storage/store", args, bytes, undefined);
  const uploading = bytes === undefined ? new Upload(fetchId, Body.ofPieces(blobReader(blob))) : undefined;
  try {
    const [json] = await operation;
    return JSON.parse(json);
  } catch (error) {
    throw uploading?.failure ? uploading.failure.error : error;
  }
}

// A file that storage.get() has found.
class StoredContent implements HostContent {
  constructor(readonly file: number) {}
  open(from: number, to: number): PieceReader {
    return new StoredRange(asyncOp("storage/read", { file: this.file, from, to }, undefined, undefined));
  }
}

class StoredRange implements PieceReader {
  #source: Promise<HostSource>;
  constructor(opened: Promise<[string, Uint8Array | undefined]>) {
    this.#source = opened.then(([json]) => new HostSource(JSON.parse(json).streamId));
    this.#source.catch(() => {}); // next() tells
  }
  async next(): Promise<Uint8Array | undefined> {
    return (await this.#source).next();
  }
  cancel(): void {
    this.#source.then(
      (source) => source.cancel(),
      () => {},
    );
  }
}

export async function getBlob(args: { storageId: unknown }): Promise<Blob | null> {
  const { storageId } = args;
  if (typeof storageId !== "string") {
    throw new Error(`storage.get requires a string storageId but received ${String(storageId)}`);
  }
  const [json] = await asyncOp("storage/get", { storageId }, undefined, "getBlob");
  const found: { file: number; size: number; contentType: string | null } | null = JSON.parse(json);
  if (found === null) return null;
  const content = new StoredContent(found.file);
  return blobOfParts(found.size > 0 ? [{ content, from: 0, to: found.size }] : [], found.contentType ?? "");
}
