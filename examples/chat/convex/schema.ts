import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  channels: defineTable({ name: v.string() }).index("by_name", ["name"]),
  messages: defineTable({
    channel: v.id("channels"),
    author: v.string(),
    body: v.string(),
    kind: v.union(v.literal("person"), v.literal("bot")),
  }).index("by_channel", ["channel"]),
  // One row per person and channel while they type; `until` is when the note goes stale.
  typing: defineTable({ channel: v.id("channels"), author: v.string(), until: v.number() }).index("by_channel", [
    "channel",
    "author",
  ]),
});
