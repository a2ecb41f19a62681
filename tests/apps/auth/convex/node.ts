"use node";
import { action } from "./_generated/server";
import { api } from "./_generated/api";

export const relay = action({
  args: {},
  handler: async (ctx): Promise<unknown[]> => [
    (await ctx.auth.getUserIdentity())?.subject ?? null,
    (await ctx.runQuery(api.users.whoami))?.subject ?? null,
    (await ctx.meta.getRequestMetadata()).authToken,
  ],
});
