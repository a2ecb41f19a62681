import { usePaginatedQuery, usePaginatedQuery_experimental } from "convex/react";
import { anyApi as api } from "convex/server";
import { useState } from "react";
import { useActions, useShown } from "./harness";

const usePages = { usePaginatedQuery, usePaginatedQuery_experimental }[new URLSearchParams(location.search).get("hook")];

export function Pages() {
  const [room, setRoom] = useState("skip");
  const { results, status, loadMore } = usePages(api.rows.page, room === "skip" ? room : { room }, { initialNumItems: 5 });
  useShown("pages", { room, status, ranks: results });
  useActions({ setRoom, loadMore: (count) => void loadMore(count) });
  return null;
}
