import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({ facts: defineTable({ text: v.string() }) });
