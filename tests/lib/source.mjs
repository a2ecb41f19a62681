// Changes to the source files of a test app.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Writes files below the app's convex/; null removes one. */
export function write(app, files) {
  for (const [name, text] of Object.entries(files)) {
    const path = join(app.dir, "convex", name);
    if (text === null) {
      rmSync(path);
      continue;
    }
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

/** A schema.ts with one table `messages`: its fields, and what follows defineTable(). */
export const messagesSchema = (fields, rest = "") =>
  `import { defineSchema, defineTable } from "convex/server";\nimport { v } from "convex/values";\n` +
  `export default defineSchema({ messages: defineTable({ ${fields} })${rest} });\n`;
