import { v } from "convex/values";
import { internal } from "./_generated/api";
import { action } from "./_generated/server";

/** Reads the last messages of a channel and posts a short digest: an action calls a query and a mutation. */
export const digest = action({
  args: { channel: v.id("channels") },
  returns: v.null(),
  handler: async (ctx, { channel }) => {
    const messages = await ctx.runQuery(internal.messages.recent, { channel, count: 50 });
    const counts = new Map<string, number>();
    for (const message of messages) {
      if (message.kind === "person") counts.set(message.author, (counts.get(message.author) ?? 0) + 1);
    }
    const ranking = [...counts].sort((a, b) => b[1] - a[1]).map(([name, count]) => `${name} (${count})`);
    const body =
      ranking.length === 0
        ? "Nobody has said anything here yet. Say hello!"
        : `Digest of the last ${messages.length} messages. Most talkative: ${ranking.slice(0, 3).join(", ")}.`;
    await ctx.runMutation(internal.messages.post, { channel, author: "Harbour bot", body });
    return null;
  },
});
