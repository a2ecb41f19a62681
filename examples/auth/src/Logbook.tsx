import { useAuthActions } from "@convex-dev/auth/react";
import { useMutation, useQuery } from "convex/react";
import { ConvexError } from "convex/values";
import { type FormEvent, useState } from "react";
import { api } from "../convex/_generated/api";

export function Logbook() {
  const { signOut } = useAuthActions();
  const me = useQuery(api.people.me);
  const entries = useQuery(api.entries.list);
  const add = useMutation(api.entries.add);
  const [draft, setDraft] = useState("");
  const [error, setError] = useState<string | null>(null);

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (draft.trim() === "") return;
    const text = draft;
    setDraft("");
    try {
      await add({ text });
      setError(null);
    } catch (e) {
      setDraft(text);
      setError(e instanceof ConvexError ? String(e.data) : "The entry was not saved. Try again.");
    }
  }

  return (
    <section className="card">
      <header>
        <span>{me === undefined ? "…" : (me?.email ?? "Guest")}</span>
        <button className="quiet" onClick={() => void signOut()}>
          Sign out
        </button>
      </header>
      <form className="row" onSubmit={submit}>
        <input
          aria-label="Entry"
          placeholder="What happened?"
          value={draft}
          onChange={(event) => setDraft(event.target.value)}
          autoFocus
        />
        <button type="submit" disabled={draft.trim() === ""}>
          Log it
        </button>
      </form>
      {error !== null && (
        <p className="error" role="alert">
          {error}
        </p>
      )}
      {entries?.length === 0 && <p className="hint">Nothing logged yet.</p>}
      <ul>
        {entries?.map((entry) => (
          <li key={entry._id}>
            <time dateTime={new Date(entry._creationTime).toISOString()}>
              {new Date(entry._creationTime).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" })}
            </time>
            <span>{entry.text}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
