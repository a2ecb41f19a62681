import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  pictures: defineTable({ file: v.id("_storage"), name: v.string() }),
});
