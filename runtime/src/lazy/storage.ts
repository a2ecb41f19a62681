// The storage calls of actions that pass live Blobs (syscalls.md §3).

import { Blob } from "./blob.ts";

const unavailable = "File storage is not available in this version of the server.";

export async function storeBlob(args: { blob: unknown }): Promise<string> {
  if (!(args.blob instanceof Blob)) {
    throw new Error(
      "store() expects a Blob. If you are trying to store a Request, `await request.blob()` will give you the correct input.",
    );
  }
  throw new Error(unavailable);
}

export async function getBlob(args: { storageId: unknown }): Promise<Blob | null> {
  if (typeof args.storageId !== "string") {
    throw new Error(`storage.get requires a string storageId but received ${String(args.storageId)}`);
  }
  throw new Error(unavailable);
}
