import { v } from "convex/values";
import { action, mutation, query } from "./_generated/server";
import { runProgram } from "./program";

const args = { steps: v.array(v.any()) };
const subtle = globalThis.crypto.subtle;

export const inAction = action({ args, handler: async (_ctx, { steps }) => await runProgram(subtle, steps) });
export const inQuery = query({ args, handler: async (_ctx, { steps }) => await runProgram(subtle, steps) });
export const inMutation = mutation({ args, handler: async (_ctx, { steps }) => await runProgram(subtle, steps) });

// Made while the module is evaluated, used by calls whose contexts come from a snapshot.
const atImport = subtle.importKey("raw", new Uint8Array(32).fill(7), "AES-GCM", false, ["encrypt", "decrypt"]);
const digestAtImport = subtle.digest("SHA-256", new Uint8Array(3));
const refusedAtImport = subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt"]).then(
  () => "allowed",
  (error: Error) => error.message,
);

export const withKeyOfImport = query({
  args: {},
  handler: async () => {
    const { key } = structuredClone({ key: await atImport });
    const sealed = await subtle.encrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, key, new Uint8Array([1, 2, 3]));
    return { sealed, digest: await digestAtImport, refused: await refusedAtImport, extractable: key.extractable };
  },
});

export const generateUncaught = query({
  args: {},
  handler: async () => void (await subtle.generateKey({ name: "AES-GCM", length: 256 }, true, ["encrypt"])),
});
