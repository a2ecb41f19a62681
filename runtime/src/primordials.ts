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
  defineProperty(target, name, bare({ value, writable: true, configurable: true, enumerable: false }));
}

const setPrototypeOf = Object.setPrototypeOf;

// A descriptor that does not ask Object.prototype for what it leaves out.
function bare(descriptor: PropertyDescriptor): PropertyDescriptor {
  return setPrototypeOf(descriptor, null);
}

const mapGetMethod = Map.prototype.get;
const mapSetMethod = Map.prototype.set;
const mapDeleteMethod = Map.prototype.delete;

// Maps that work whatever user code does to Map.prototype.
export const newMap = <K, V>(): Map<K, V> => construct(NativeMap, []) as Map<K, V>;
export const mapGet = <K, V>(map: Map<K, V>, key: K): V | undefined => apply(mapGetMethod, map, [key]) as V | undefined;
export const mapSet = <K, V>(map: Map<K, V>, key: K, value: V): unknown => apply(mapSetMethod, map, [key, value]);
export const mapDelete = <K, V>(map: Map<K, V>, key: K): unknown => apply(mapDeleteMethod, map, [key]);
const NativeMap = Map;

const joinMethod = Array.prototype.join;
export const join = (list: string[], separator: string): string => apply(joinMethod, list, [separator]) as string;

// Appends as an own property, without asking Array.prototype.
export function append<T>(list: T[], value: T): void {
  defineProperty(list, list.length, bare({ value, writable: true, configurable: true, enumerable: true }));
}
