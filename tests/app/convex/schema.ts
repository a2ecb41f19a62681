import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  notes: defineTable({ text: v.string(), rank: v.number(), tag: v.optional(v.string()) })
    .index("by_rank", ["rank"])
    .index("by_tag", ["tag", "rank"]),
  counters: defineTable({ name: v.string(), value: v.number() }).index("by_name", ["name"]),
  queue: defineTable({ writer: v.string(), place: v.number() }),
  lists: defineTable({ epoch: v.number(), key: v.number(), tier: v.number(), values: v.array(v.number()) })
    .index("by_key", ["key"])
    .index("by_tier", ["epoch", "tier", "key"]),
  entries: defineTable({ writer: v.string(), n: v.number(), rank: v.number(), padding: v.optional(v.string()) })
    .index("by_rank", ["rank"])
    .index("by_writer", ["writer", "n"]),
});
