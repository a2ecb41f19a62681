import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  entries: defineTable({ writer: v.string(), n: v.number() }).index("by_writer", ["writer"]),
  counters: defineTable({ writer: v.string(), count: v.number() }).index("by_writer", ["writer"]),
});
