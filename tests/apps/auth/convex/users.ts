// What functions see of their caller.
import { v } from "convex/values";
import { action, internalQuery, mutation, query } from "./_generated/server";
import { api, internal } from "./_generated/api";

const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));

export const whoami = query({ args: {}, handler: async (ctx) => await ctx.auth.getUserIdentity() });
export const secret = internalQuery({ args: {}, handler: async (ctx) => (await ctx.auth.getUserIdentity())?.subject ?? null });
export const anything = query({ args: {}, handler: async () => "for all" });

export const addNote = mutation({
  args: { text: v.string() },
  handler: async (ctx, { text }) => {
    const user = await ctx.auth.getUserIdentity();
    if (!user) throw new Error("not signed in");
    await ctx.db.insert("notes", { owner: user.tokenIdentifier, text });
    return user.subject;
  },
});
export const myNotes = query({
  args: {},
  handler: async (ctx) => {
    const user = await ctx.auth.getUserIdentity();
    if (!user) return null;
    const notes = await ctx.db.query("notes").withIndex("owner", (q) => q.eq("owner", user.tokenIdentifier)).collect();
    return notes.map((note) => note.text);
  },
});
export const metadata = mutation({ args: {}, handler: async (ctx) => (await ctx.meta.getRequestMetadata()).authToken });

// The identity goes with every call an action makes.
export const relay = action({
  args: { wait: v.optional(v.number()) },
  handler: async (ctx, { wait }): Promise<unknown[]> => {
    const own = (await ctx.auth.getUserIdentity())?.subject ?? null;
    if (wait) await sleep(wait);
    const queried = (await ctx.runQuery(api.users.whoami))?.subject ?? null;
    const hidden = await ctx.runQuery(internal.users.secret);
    return [own, queried, hidden, await ctx.runMutation(api.users.metadata), (await ctx.meta.getRequestMetadata()).authToken];
  },
});
