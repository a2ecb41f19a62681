import { useAction, usePaginatedQuery } from "convex/react";
import { useEffect, useRef, useState } from "react";
import { api } from "../convex/_generated/api";
import type { Doc } from "../convex/_generated/dataModel";
import { Composer } from "./Composer";
import { Typing } from "./Typing";

const PAGE = 20;

export function Channel({ channel, author }: { channel: Doc<"channels">; author: string }) {
  const { results, status, loadMore } = usePaginatedQuery(
    api.messages.list,
    { channel: channel._id },
    { initialNumItems: PAGE },
  );
  const digest = useAction(api.bot.digest);
  const [asking, setAsking] = useState(false);
  const end = useRef<HTMLDivElement>(null);
  const newest = results[0]?._id;
  useEffect(() => {
    end.current?.scrollIntoView({ block: "end" });
  }, [newest]);

  async function askForDigest() {
    setAsking(true);
    try {
      await digest({ channel: channel._id });
    } finally {
      setAsking(false);
    }
  }

  return (
    <main className="panel">
      <header>
        <h2># {channel.name}</h2>
        <button className="quiet" disabled={asking} onClick={askForDigest}>
          {asking ? "Asking…" : "Ask the bot for a digest"}
        </button>
      </header>
      <section className="history" aria-label="Messages">
        {status === "CanLoadMore" && (
          <button className="quiet older" onClick={() => loadMore(PAGE)}>
            Load older messages
          </button>
        )}
        {status === "LoadingFirstPage" && <p className="hint">Loading…</p>}
        {status === "Exhausted" && results.length === 0 && <p className="hint">No messages yet. Be the first.</p>}
        {[...results].reverse().map((message) => (
          <Message key={message._id} message={message} own={message.author === author} />
        ))}
        <div ref={end} />
      </section>
      <Typing channel={channel._id} self={author} />
      <Composer channel={channel._id} author={author} />
    </main>
  );
}

function Message({ message, own }: { message: Doc<"messages">; own: boolean }) {
  const time = new Date(message._creationTime).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const kind = message.kind === "bot" ? "bot" : own ? "own" : "other";
  return (
    <article className={`message ${kind}`}>
      <div className="meta">
        <b>{message.author}</b> <time>{time}</time>
      </div>
      <p>{message.body}</p>
    </article>
  );
}
