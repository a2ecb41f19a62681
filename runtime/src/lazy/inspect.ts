// Formatting of console arguments (runtime.md §8): npm object-inspect with the options of the reference.

import objectInspect from "object-inspect";
import { defineHidden } from "../primordials.ts";

const options = { indent: 2, maxStringLength: 32768, customInspect: true } as const;

export function format(value: unknown): string {
  return objectInspect(value, options);
}

// Gives a runtime class its console form `Name { key: value }`.
export function defineInspect(prototype: object, name: string, fields: (instance: any) => Record<string, unknown>): void {
  defineHidden(prototype, "inspect", function (this: unknown) {
    const parts = Object.entries(fields(this)).map(([key, value]) => {
      const shownKey = /^[\w$]+$/.test(key) ? key : JSON.stringify(key);
      return `${shownKey}: ${typeof value === "string" ? JSON.stringify(value) : format(value)}`;
    });
    return parts.length === 0 ? `${name} {}` : `${name} { ${parts.join(", ")} }`;
  });
}
