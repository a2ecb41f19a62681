// What the bundler's helpers in the lazy part use, as it was before user code ran (see build.mjs).

const { create, defineProperty, getOwnPropertyDescriptor, getOwnPropertyNames, getPrototypeOf, hasOwn } = Object;

export const __builtins = { create, defineProperty, getOwnPropertyDescriptor, getOwnPropertyNames, getPrototypeOf, hasOwn };
