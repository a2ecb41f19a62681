import { usePaginatedQuery } from "convex/react";
import { anyApi as api } from "convex/server";
import { useState } from "react";
import { useActions, useShown } from "./harness";

export function Pages() {
  const [room, setRoom] = useState("skip");
  const { results, status, loadMore } = usePaginatedQuery(api.rows.page, room === "skip" ? room : { room }, { initialNumItems: 5 });
  useShown("pages", { room, status, ranks: results });
  useActions({ setRoom, loadMore });
  return null;
}
