// structuredClone (runtime.md §2). The host copies what JavaScript defines and asks here about the runtime's own classes.

import { hull } from "../host.ts";
import { clonePlatform, platformPrototypes } from "./cloneable.ts";
import { DOMException, isDOMException } from "./dom_exception.ts";
import { requireArguments, toDictionary } from "./web_idl.ts";

const context = "Failed to execute 'structuredClone'";
const failed = (message: string) => new DOMException(message, "DataCloneError");

function cloneOrRefuse(object: object): object {
  const clone = clonePlatform(object);
  if (!clone) throw failed(`${describe(object)} could not be cloned.`);
  return clone;
}

function describe(object: object): string {
  const { constructor } = object;
  return `#<${typeof constructor === "function" && typeof constructor.name === "string" ? constructor.name : "Object"}>`;
}

export function structuredClone(value: unknown, options?: unknown): unknown {
  requireArguments(arguments.length, 1, context);
  const { transfer } = toDictionary(options, context);
  if (transfer !== undefined && (typeof transfer !== "object" || transfer === null)) {
    throw new TypeError(`${context}: the transfer list cannot be converted to a sequence.`);
  }
  if (isDOMException(value)) return new DOMException(value.message, value.name);
  const list = transfer === undefined ? [] : [...(transfer as Iterable<unknown>)];
  return hull.structuredClone(value, list, platformPrototypes, cloneOrRefuse, failed);
}
