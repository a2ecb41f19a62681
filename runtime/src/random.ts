// Seeded randomness (runtime.md §3): sfc32 over the 32-byte seed of the call, made on first use.

import { defineHidden } from "./primordials.ts";
import { call, observeRandom, refuseInConfig } from "./state.ts";

let a = 0;
let b = 0;
let c = 0;
let counter = 0;
let seededFor = -1;

function next32(): number {
  if (seededFor !== call.seedVersion) seed();
  return step();
}

function step(): number {
  const result = (((a + b) | 0) + counter) | 0;
  counter = (counter + 1) | 0;
  a = b ^ (b >>> 9);
  b = (c + (c << 3)) | 0;
  c = (c << 21) | (c >>> 11);
  c = (c + result) | 0;
  return result >>> 0;
}

function seed(): void {
  seededFor = call.seedVersion;
  const bytes = call.seed;
  const word = (index: number) =>
    bytes === undefined
      ? index
      : bytes[index * 4]! | (bytes[index * 4 + 1]! << 8) | (bytes[index * 4 + 2]! << 16) | (bytes[index * 4 + 3]! << 24);
  a = word(0);
  b = word(1);
  c = word(2);
  counter = word(3);
  for (let i = 0; i < 12; i++) step();
  a ^= word(4);
  b ^= word(5);
  c ^= word(6);
  counter ^= word(7);
  for (let i = 0; i < 12; i++) step();
}

function random(): number {
  refuseInConfig("Math.random()");
  observeRandom();
  const high = next32() >>> 5;
  const low = next32() >>> 6;
  return (high * 67108864 + low) / 9007199254740992;
}

// The bytes that getRandomValues and randomUUID take from the same stream in queries and mutations.
export function fillSeeded(into: Uint8Array): void {
  observeRandom();
  for (let i = 0; i < into.length; i += 4) {
    const word = next32();
    for (let j = i; j < i + 4 && j < into.length; j++) into[j] = (word >>> ((j - i) * 8)) & 255;
  }
}

export function installRandom(): void {
  defineHidden(Math, "random", { random }.random);
}
