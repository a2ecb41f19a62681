import { query } from "./_generated/server";
import { rows } from "./rows";

// Promises are settled before anybody calls a function, if they can be.
const results: Record<string, string> = {};
for (const [name, { run }] of Object.entries(rows)) {
  const failed = (error: any) => (results[name] = `${error.name}: ${error.message}`);
  try {
    const value = run();
    if (value instanceof Promise) value.then((settled) => (results[name] = String(settled)), failed);
    else results[name] = String(value);
  } catch (error) {
    failed(error);
  }
}

export const atImport = query({ args: {}, handler: async () => JSON.stringify(results) });
