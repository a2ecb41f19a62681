// What the clients of the serializability test do: transactions over few lists, made so that they conflict.
import { EPOCH } from "./recorder.mjs";

/** Lists of an epoch from here on are deleted and inserted anew with every append, so nobody reads them by id. */
const RECREATED = EPOCH - 2;
const APPENDS_PER_EPOCH = 25 * EPOCH;

/** Pseudo-random numbers in [0, 1) from a seed (mulberry32). */
export function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export class Workload {
  constructor(seed) {
    this.random = randomNumbers(seed);
    this.values = 0;
    this.firstEpoch = 0;
    this.ids = new Map();
  }

  get epoch() {
    return Math.floor(this.values / APPENDS_PER_EPOCH);
  }

  /** From here on only lists are used that no transaction so far has touched. */
  startSegment() {
    this.values = (this.epoch + 1) * APPENDS_PER_EPOCH;
    this.firstEpoch = this.epoch;
  }

  /** The lists of the segment, as [from, to). */
  get segment() {
    return [this.firstEpoch * EPOCH, (this.epoch + 1) * EPOCH];
  }

  below(limit) {
    return Math.floor(this.random() * limit);
  }

  /** The earlier lists of an epoch are used more often. */
  key() {
    return this.epoch * EPOCH + Math.floor(this.random() ** 2 * EPOCH);
  }

  /** Remembers the ids of documents that are never deleted. */
  learn(results) {
    for (const row of results.flat()) {
      if (row.key % EPOCH < RECREATED) this.ids.set(row.key, row.id);
    }
  }

  readOne(key = this.key()) {
    const id = this.ids.get(key);
    return id !== undefined && this.random() < 0.6 ? { op: "get", key, id } : { op: "key", key };
  }

  readMany() {
    const first = this.epoch * EPOCH;
    const dice = this.random();
    if (dice < 0.1) return { op: "scan", from: first, to: first + EPOCH };
    if (dice < 0.55) return { op: "tier", epoch: this.epoch, least: this.below(5) };
    const from = first + this.below(EPOCH - 4);
    return { op: "range", from, to: from + 4 + this.below(5) };
  }

  append(key = this.key()) {
    return { op: key % EPOCH < RECREATED ? "append" : "recreate", key, value: this.values++ };
  }

  /** The steps of a mutation, and whether it throws in the end. */
  mutation() {
    const dice = this.random();
    const fail = this.random() < 0.04 ? { fail: true } : {};
    if (dice < 0.25) {
      const first = this.key() & ~1;
      return { steps: [this.readOne(first), this.readOne(first + 1), this.append(first + this.below(2))], ...fail };
    }
    if (dice < 0.5) return { steps: [this.readMany(), this.readOne(), this.append()], ...fail };
    if (dice < 0.6) return { steps: [this.readMany(), this.readMany(), this.readOne(), this.readOne(), this.append()], ...fail };
    if (dice < 0.65) return { steps: [{ ...this.append(), op: "undone" }, this.readOne(), this.append()], ...fail };
    if (dice < 0.7) return { steps: [this.readOne(), this.readMany()] };
    const appends = Array.from({ length: 1 + this.below(3) }, () => this.append());
    return { steps: [...appends, this.readOne(appends[0].key), this.readMany()], ...fail };
  }

  /** The steps of a query. */
  query() {
    return Array.from({ length: 1 + this.below(4) }, () => (this.random() < 0.5 ? this.readOne() : this.readMany()));
  }

  /** The steps of a client's live queries. */
  liveQueries() {
    const first = this.epoch * EPOCH;
    const pair = this.key() & ~1;
    return [
      [{ op: "range", from: first, to: first + EPOCH }],
      [this.readOne(pair), this.readOne(pair + 1)],
      [{ op: "tier", epoch: this.epoch, least: this.below(4) }],
    ];
  }
}

