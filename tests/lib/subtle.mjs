// Programs (apps/crypto/convex/program.ts) for crypto.subtle in functions and in Node, whose WebCrypto is the oracle.
import assert from "node:assert/strict";
import { ConvexHttpClient } from "convex/browser";
import { runProgram } from "../apps/crypto/convex/program.ts";
import { useApp } from "./fixture.mjs";

const hull = useApp("tests/apps/crypto");

export const server = () => hull.server;
export const client = () => new ConvexHttpClient(hull.server.url, { logger: false });
export const inAction = (steps) => client().action("subtle:inAction", { steps });
export const inQuery = (steps) => client().query("subtle:inQuery", { steps });
export const inMutation = (steps) => client().mutation("subtle:inMutation", { steps });
export const inNode = (steps) => runProgram(globalThis.crypto.subtle, steps);

export const ref = (step, field) => ({ ref: field ? [step, field] : [step] });
export const buffer = (bytes) => Uint8Array.from(bytes).buffer;
export const utf8 = (text) => buffer(new TextEncoder().encode(text));
export const hex = (text) => buffer(Buffer.from(text.replace(/\s/g, ""), "hex"));
export const toHex = (bytes) => Buffer.from(bytes).toString("hex");

export const data = utf8("the data that is signed, sealed and derived from");
export const hashes = ["SHA-1", "SHA-256", "SHA-384", "SHA-512"];
export const curves = ["P-256", "P-384", "P-521"];
export const exponent = { u8: buffer([1, 0, 1]) };

/** The results of a program all of whose steps succeed. */
export async function values(run, steps) {
  const outcomes = await run(steps);
  outcomes.forEach(({ error, message }, index) => assert.equal(error, undefined, `step ${index} ${JSON.stringify(steps[index])}: ${error} ${message}`));
  return outcomes.map((outcome) => outcome.value);
}

/** Runs the program on both sides, which must agree; gives the results. */
export async function agree(steps, run = inQuery) {
  const ours = await values(run, steps);
  assert.deepEqual(ours, await values(inNode, steps));
  return ours;
}
