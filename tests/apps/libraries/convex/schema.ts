import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  users: defineTable({ name: v.string(), email: v.string() }).index("email", ["email"]),
  posts: defineTable({ author: v.id("users"), title: v.string() }).index("author", ["author"]),
});
