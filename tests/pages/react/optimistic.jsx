import { useMutation, useQuery } from "convex/react";
import { anyApi as api } from "convex/server";
import { useActions, useShown } from "./harness";

const room = "optimistic";
function insert(store, { key }) {
  const list = store.getQuery(api.messages.list, { room });
  const count = store.getQuery(api.messages.count, { room });
  if (list !== undefined) store.setQuery(api.messages.list, { room }, [...list, `${key}*`]);
  if (count !== undefined) store.setQuery(api.messages.count, { room }, count + 1);
}

/** A list and its count: what a mutation adds is shown at once, with a star until the server's row takes its place. */
export function Optimistic() {
  const list = useQuery(api.messages.list, { room });
  const count = useQuery(api.messages.count, { room });
  const send = useMutation(api.messages.send).withOptimisticUpdate(insert);
  const refuse = useMutation(api.messages.refuse).withOptimisticUpdate(insert);
  useShown("optimistic", list && { list, count });
  useActions({
    send: (key) => send({ room, key }),
    refuse: (key) => refuse({ room, key }).catch((error) => error.data),
  });
  return null;
}
