// structuredClone (runtime.md §2) without transfer.

import { hull } from "../host.ts";
import { DOMException } from "./dom_exception.ts";

export function structuredClone(value: unknown, options?: unknown): unknown {
  if (options !== undefined) hull.uncatchable("structuredClone with transfer not supported");
  try {
    return hull.structuredClone(value);
  } catch (cause) {
    throw new DOMException((cause as Error).message, "DataCloneError");
  }
}
