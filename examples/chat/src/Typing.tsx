import { useQuery } from "convex/react";
import { useEffect, useState } from "react";
import { api } from "../convex/_generated/api";
import type { Id } from "../convex/_generated/dataModel";

/** "Fram 12 is typing…": live rows that have not gone stale. */
export function Typing({ channel, self }: { channel: Id<"channels">; self: string }) {
  const rows = useQuery(api.typing.list, { channel });
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const names = (rows ?? []).filter((row) => row.author !== self && row.until > now).map((row) => row.author);
  return (
    <p className="typing" aria-live="polite">
      {names.length === 0 ? "\u00a0" : `${names.join(", ")} ${names.length === 1 ? "is" : "are"} typing…`}
    </p>
  );
}
