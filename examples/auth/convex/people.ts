import { getAuthUserId } from "@convex-dev/auth/server";
import { query } from "./_generated/server";

/** Who is signed in: the email address, or null for a guest. */
export const me = query({
  args: {},
  handler: async (ctx) => {
    const id = await getAuthUserId(ctx);
    const user = id === null ? null : await ctx.db.get(id);
    return user === null ? null : { email: user.email ?? null };
  },
});
