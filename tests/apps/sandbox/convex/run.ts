import { v } from "convex/values";
import { action, mutation, query } from "./_generated/server";
import { probes } from "./probes";

const probe = async (_ctx: unknown, { name }: { name: string }) => String(await probes[name]());

export const asQuery = query({ args: { name: v.string() }, handler: probe });
export const asMutation = mutation({ args: { name: v.string() }, handler: probe });
export const asAction = action({ args: { name: v.string() }, handler: probe });
export const names = query({ args: {}, handler: async () => Object.keys(probes) });

/** Arguments and results that try to reach prototypes. */
export const echo = query({ args: { value: v.any() }, handler: async (_ctx, { value }) => ({ value, polluted: ({} as any).polluted === undefined }) });
