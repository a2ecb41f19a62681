import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema(
  {
    rows: defineTable({ n: v.number(), text: v.optional(v.string()), deep: v.optional(v.any()) }).index("by_n", ["n"]),
  },
  { schemaValidation: true },
);
