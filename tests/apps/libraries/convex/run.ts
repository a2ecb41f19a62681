import { v } from "convex/values";
import { action, mutation, query } from "./_generated/server";
import { uses } from "./uses";

const run = async (_ctx: unknown, { name }: { name: string }) => JSON.stringify(uses[name]());

export const asQuery = query({ args: { name: v.string() }, handler: run });
export const asMutation = mutation({ args: { name: v.string() }, handler: run });
export const asAction = action({ args: { name: v.string() }, handler: run });
