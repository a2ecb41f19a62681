import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  runs: defineTable({ name: v.string(), what: v.string(), at: v.number(), user: v.any() }).index("by_name", ["name"]),
});
