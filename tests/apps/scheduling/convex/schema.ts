import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  runs: defineTable({ tag: v.string(), data: v.optional(v.any()) }).index("by_tag", ["tag"]),
  counters: defineTable({ name: v.string(), value: v.number() }).index("by_name", ["name"]),
  errors: defineTable({ tag: v.string(), message: v.string() }),
});
