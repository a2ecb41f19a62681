// convex-helpers: custom functions with row-level security, zod arguments, relationships, streams, triggers.
import { customCtx, customMutation, customQuery } from "convex-helpers/server/customFunctions";
import { getManyFrom, getOneFrom } from "convex-helpers/server/relationships";
import { wrapDatabaseReader } from "convex-helpers/server/rowLevelSecurity";
import { stream, mergedStream } from "convex-helpers/server/stream";
import { Triggers } from "convex-helpers/server/triggers";
import { asyncMap } from "convex-helpers";
import { v } from "convex/values";
import { mutation as rawMutation, query as rawQuery } from "./_generated/server";
import schema from "./schema";

const triggers = new Triggers<any>();
triggers.register("users", async (ctx, change) => {
  if (change.operation === "insert") await ctx.innerDb.insert("posts", { author: change.id, title: `welcome ${change.newDoc.name}` });
});
const mutation = customMutation(rawMutation, customCtx(triggers.wrapDB));

const secured = customQuery(
  rawQuery,
  customCtx((ctx) => ({
    db: wrapDatabaseReader(ctx, ctx.db, { posts: { read: async (_ctx: any, post: any) => !post.title.includes("secret") } } as any) as any,
  })),
);

export const seed = mutation({
  args: {},
  handler: async (ctx: any) => {
    const [ann, bob] = await asyncMap(["ann", "bob"], async (name) => await ctx.db.insert("users", { name, email: `${name}@example.com` }));
    await ctx.db.insert("posts", { author: ann, title: "first" });
    await ctx.db.insert("posts", { author: bob, title: "secret" });
  },
});

export const titles = secured({
  args: { email: v.string() },
  handler: async (ctx: any, { email }) => {
    const user = await getOneFrom(ctx.db, "users", "email", email);
    if (user === null) return null;
    return (await getManyFrom(ctx.db, "posts", "author", user._id)).map((post: any) => post.title);
  },
});

export const merged = rawQuery({
  args: { emails: v.array(v.string()) },
  handler: async (ctx, { emails }) => {
    const users = await asyncMap(emails, (email) => getOneFrom(ctx.db, "users", "email", email));
    const streams = users.map((user) => stream(ctx.db, schema).query("posts").withIndex("author", (q) => q.eq("author", user!._id)));
    return (await mergedStream(streams, ["_creationTime"]).take(10)).map((post) => post.title);
  },
});
