// Built-ins as they were before user code ran, for the paths every call takes.

export const apply = Reflect.apply;
export const construct = Reflect.construct;
export const defineProperty = Reflect.defineProperty;
export const jsonParse = JSON.parse;
export const jsonStringify = JSON.stringify;
export const floor = Math.floor;

const promiseThen = Promise.prototype.then;

export function then<T, R>(promise: Promise<T>, done: (value: T) => R, failed?: (error: unknown) => R): Promise<R> {
  return apply(promiseThen, promise, [done, failed]) as Promise<R>;
}

// Defines what a web global or method looks like: writable, configurable, not enumerable.
export function defineHidden(target: object, name: PropertyKey, value: unknown): void {
  defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false });
}
