// A WebSocket for ConvexClient that notes the timestamps which the client keeps to itself.

const timestamp = (encoded) => Buffer.from(encoded, "base64").readBigUInt64LE();

/**
 * A WebSocket class that calls `onMutation(args, ts)` for each successful MutationResponse, `onState(ts, queries)` after each
 * Transition with the values of all live queries ([{ args, value }]), and `onError(text)` for what contradicts the protocol.
 */
export function recordingSocket({ onMutation = () => {}, onState = () => {}, onError = () => {} }) {
  let newest = 0n;
  let last = { requestId: -1, ts: 0n };
  const mutations = new Map();
  return class extends WebSocket {
    #queries = new Map();
    #chunks = "";
    #ts = null;

    constructor(...args) {
      super(...args);
      this.addEventListener("message", ({ data }) => this.#receive(JSON.parse(data)));
    }

    send(data) {
      const message = JSON.parse(data);
      if (message.type === "Mutation") mutations.set(message.requestId, { args: message.args[0], ts: null });
      for (const change of message.modifications ?? []) {
        if (change.type === "Add") this.#queries.set(change.queryId, { args: change.args[0] });
        else this.#queries.delete(change.queryId);
      }
      super.send(data);
    }

    #receive(message) {
      if (message.type === "TransitionChunk") {
        this.#chunks += message.chunk;
        if (message.partNumber + 1 < message.totalParts) return;
        message = JSON.parse(this.#chunks);
        this.#chunks = "";
      }
      if (message.type === "MutationResponse" && message.success) this.#answered(message.requestId, timestamp(message.ts));
      if (message.type === "Transition") this.#transition(message);
      if (message.type === "FatalError") onError(`FatalError: ${message.error}`);
    }

    #answered(requestId, ts) {
      const mutation = mutations.get(requestId);
      if (mutation === undefined) return onError(`an answer to unknown request ${requestId}`);
      if (mutation.ts !== null && mutation.ts !== ts) onError(`request ${requestId} was answered with ${mutation.ts}, then with ${ts}`);
      if (requestId > last.requestId) {
        if (ts <= last.ts) onError(`request ${requestId} committed at ${ts}, request ${last.requestId} before it at ${last.ts}`);
        last = { requestId, ts };
      }
      mutation.ts = ts;
      onMutation(mutation.args, ts);
    }

    #transition({ startVersion, endVersion, modifications }) {
      const start = timestamp(startVersion.ts);
      const end = timestamp(endVersion.ts);
      if (this.#ts !== null && start !== this.#ts) onError(`a transition starts at ${start}, the last one ended at ${this.#ts}`);
      if (end < newest) onError(`a transition ends at ${end}, older than ${newest}`);
      this.#ts = newest = end;
      for (const change of modifications) {
        const query = this.#queries.get(change.queryId);
        if (change.type === "QueryUpdated" && query !== undefined) query.value = change.value;
        if (change.type === "QueryFailed") onError(`a live query failed: ${change.errorMessage}`);
      }
      onState(end, [...this.#queries.values()].filter(({ value }) => value !== undefined));
    }
  };
}
