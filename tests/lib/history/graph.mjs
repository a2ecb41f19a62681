// A directed graph with typed edges, and the search for short cycles in it.
//
// Nodes are numbers from 0. Those at or above `transactions` are only there to express "everything before this moment comes
// before everything after it" with few edges; a path through them is reported as one edge.

/** Edge types. Data edges first: what one transaction saw or replaced of another. */
export const WW = 0;
export const WR = 1;
export const RW = 2;
export const SESSION = 3;
export const REALTIME = 4;
export const TIMESTAMP = 5;
export const NAMES = ["ww", "wr", "rw", "session", "realtime", "timestamp"];
const TYPES = NAMES.length;

export class Graph {
  constructor(transactions) {
    this.transactions = transactions;
    this.edges = Array.from({ length: transactions }, () => []);
    this.counts = new Array(TYPES).fill(0);
  }

  /** A node that stands for a moment. */
  moment() {
    return this.edges.push([]) - 1;
  }

  add(from, to, type) {
    if (from === to) return;
    this.edges[from].push(to * TYPES + type);
    this.counts[type]++;
  }

  /** Sets of two or more nodes that reach each other over edges of the allowed types (Tarjan, without recursion). */
  components(allowed) {
    const { edges } = this;
    const index = new Int32Array(edges.length).fill(-1);
    const low = new Int32Array(edges.length);
    const onStack = new Uint8Array(edges.length);
    const next = new Int32Array(edges.length);
    const stack = [];
    const result = [];
    let counter = 0;
    for (let root = 0; root < edges.length; root++) {
      if (index[root] !== -1) continue;
      const path = [root];
      while (path.length > 0) {
        const node = path.at(-1);
        if (index[node] === -1) {
          index[node] = low[node] = counter++;
          stack.push(node);
          onStack[node] = 1;
        }
        let deeper = false;
        while (next[node] < edges[node].length) {
          const edge = edges[node][next[node]];
          const to = Math.floor(edge / TYPES);
          if (!allowed.includes(edge % TYPES)) {
            next[node]++;
          } else if (index[to] === -1) {
            path.push(to);
            deeper = true;
            break;
          } else {
            if (onStack[to]) low[node] = Math.min(low[node], low[to]);
            next[node]++;
          }
        }
        if (deeper) continue;
        path.pop();
        if (path.length > 0) low[path.at(-1)] = Math.min(low[path.at(-1)], low[node]);
        if (low[node] !== index[node]) continue;
        const component = [];
        let member;
        do {
          member = stack.pop();
          onStack[member] = 0;
          component.push(member);
        } while (member !== node);
        if (component.length > 1) result.push(component);
      }
    }
    return result;
  }

  /** A shortest cycle through `start` inside `members`, as [{from, to, type}], moments left out; null if there is none. */
  cycleThrough(start, members, allowed) {
    const inside = new Set(members);
    const cameFrom = new Map();
    const queue = [start];
    for (let head = 0; head < queue.length; head++) {
      const node = queue[head];
      for (const edge of this.edges[node]) {
        const to = Math.floor(edge / TYPES);
        const type = edge % TYPES;
        if (!inside.has(to) || !allowed.includes(type)) continue;
        if (to === start) return this.#unwind(start, node, type, cameFrom);
        if (cameFrom.has(to)) continue;
        cameFrom.set(to, { from: node, type });
        queue.push(to);
      }
    }
    return null;
  }

  #unwind(start, last, lastType, cameFrom) {
    const steps = [{ from: last, to: start, type: lastType }];
    for (let node = last; node !== start; node = cameFrom.get(node).from) {
      steps.unshift({ from: cameFrom.get(node).from, to: node, type: cameFrom.get(node).type });
    }
    const short = [];
    for (const step of steps) {
      if (step.from < this.transactions || short.length === 0) short.push({ ...step });
      else short.at(-1).to = step.to;
    }
    return short;
  }

  /** The shortest cycle found in one component; tries a bounded number of its transactions as the start. */
  shortestCycle(component, allowed, tries = 40) {
    let best = null;
    for (const start of component.filter((node) => node < this.transactions).slice(0, tries)) {
      const cycle = this.cycleThrough(start, component, allowed);
      if (cycle !== null && (best === null || cycle.length < best.length)) best = cycle;
      if (best?.length === 2) break;
    }
    return best;
  }
}
