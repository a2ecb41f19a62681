import { useMutation, useQuery } from "convex/react";
import { useEffect, useState } from "react";
import { api } from "../convex/_generated/api";
import type { Id } from "../convex/_generated/dataModel";
import { Channel } from "./Channel";
import { ChannelList } from "./ChannelList";
import { useName } from "./useName";

export function App() {
  const [name, setName] = useName();
  const channels = useQuery(api.channels.list);
  const createChannel = useMutation(api.channels.create);
  const [selected, setSelected] = useState<Id<"channels"> | null>(null);

  // The first visitor of a fresh deployment opens the first channel.
  const isEmpty = channels?.length === 0;
  useEffect(() => {
    if (isEmpty) void createChannel({ name: "general" });
  }, [isEmpty, createChannel]);

  const current = channels?.find((channel) => channel._id === selected) ?? channels?.[0];

  return (
    <div className="layout">
      <ChannelList
        channels={channels}
        current={current?._id}
        onSelect={setSelected}
        onCreate={async (channelName) => setSelected(await createChannel({ name: channelName }))}
        name={name}
        onRename={setName}
      />
      {current === undefined ? (
        <main className="panel empty">Loading…</main>
      ) : (
        <Channel key={current._id} channel={current} author={name} />
      )}
    </div>
  );
}
