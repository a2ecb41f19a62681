import type { Doc, Id } from "../convex/_generated/dataModel";
import { ConvexError } from "convex/values";
import { type FormEvent, useState } from "react";

type Props = {
  channels: Doc<"channels">[] | undefined;
  current: Id<"channels"> | undefined;
  onSelect: (channel: Id<"channels">) => void;
  onCreate: (name: string) => Promise<void>;
  name: string;
  onRename: (name: string) => void;
};

export function ChannelList({ channels, current, onSelect, onCreate, name, onRename }: Props) {
  const [draft, setDraft] = useState("");
  const [error, setError] = useState<string | null>(null);

  async function create(event: FormEvent) {
    event.preventDefault();
    if (draft.trim() === "") return;
    try {
      await onCreate(draft);
      setDraft("");
      setError(null);
    } catch (e) {
      setError(e instanceof ConvexError ? String(e.data) : "The channel could not be made.");
    }
  }

  return (
    <aside className="sidebar">
      <h1>
        <img src="/icon.svg" alt="" /> Harbour
      </h1>
      <label className="me">
        You are
        <input aria-label="Your name" value={name} onChange={(event) => onRename(event.target.value)} />
      </label>
      <nav aria-label="Channels">
        {channels?.map((channel) => (
          <button
            key={channel._id}
            className={channel._id === current ? "channel current" : "channel"}
            onClick={() => onSelect(channel._id)}
          >
            # {channel.name}
          </button>
        ))}
      </nav>
      <form onSubmit={create}>
        <input
          aria-label="New channel"
          placeholder="New channel…"
          value={draft}
          onChange={(event) => setDraft(event.target.value)}
        />
      </form>
      {error !== null && <p className="error">{error}</p>}
    </aside>
  );
}
