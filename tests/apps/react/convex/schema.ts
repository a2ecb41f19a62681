import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  messages: defineTable({ room: v.string(), key: v.string() }).index("by_room", ["room"]),
  rows: defineTable({ room: v.string(), rank: v.number() }).index("by_rank", ["room", "rank"]),
});
