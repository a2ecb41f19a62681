import { v } from "convex/values";
import { action, mutation, query } from "./_generated/server";
import { failing, rows, type Row } from "./rows";

async function show(row: Row): Promise<string> {
  try {
    return String(await row.run());
  } catch (error: any) {
    return `${error.name}: ${error.message}`;
  }
}

async function showAll(names: string[]): Promise<Record<string, string>> {
  const out: Record<string, string> = {};
  for (const name of names) out[name] = await show({ ...rows, ...failing }[name]!);
  return out;
}

const args = { names: v.array(v.string()) };
const handler = async (_ctx: unknown, { names }: { names: string[] }) => JSON.stringify(await showAll(names));
export const inQuery = query({ args, handler });
export const inMutation = mutation({ args, handler });
export const inAction = action({ args, handler });
export { showAll };
