import { useMutation } from "convex/react";
import { ConvexError } from "convex/values";
import { type FormEvent, useRef, useState } from "react";
import { api } from "../convex/_generated/api";
import type { Id } from "../convex/_generated/dataModel";

const REPEAT_TYPING_MS = 2000;

export function Composer({ channel, author }: { channel: Id<"channels">; author: string }) {
  const [draft, setDraft] = useState("");
  const [error, setError] = useState<string | null>(null);
  const lastNote = useRef(0);
  const setTyping = useMutation(api.typing.set);
  const send = useMutation(api.messages.send);

  function edit(text: string) {
    setDraft(text);
    const now = Date.now();
    if (text !== "" && now - lastNote.current > REPEAT_TYPING_MS) {
      lastNote.current = now;
      void setTyping({ channel, author, typing: true });
    }
  }

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (draft.trim() === "") return;
    const body = draft;
    setDraft("");
    lastNote.current = 0;
    try {
      await send({ channel, author, body });
      setError(null);
    } catch (e) {
      setDraft(body);
      setError(e instanceof ConvexError ? String(e.data) : "The message was not sent. Try again.");
    }
  }

  return (
    <form className="composer" onSubmit={submit}>
      <input
        aria-label="Message"
        placeholder="Write a message…"
        value={draft}
        onChange={(event) => edit(event.target.value)}
        autoFocus
      />
      <button type="submit" disabled={draft.trim() === ""}>
        Send
      </button>
      {error !== null && <p className="error">{error}</p>}
    </form>
  );
}
