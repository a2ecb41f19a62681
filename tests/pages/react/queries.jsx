import { useAction, useConvexConnectionState, useQueries, useQuery, usePreloadedQuery } from "convex/react";
import { anyApi as api } from "convex/server";
import { Component, useMemo, useState } from "react";
import { useActions, useShown } from "./harness";

export function Single() {
  const [args, setArgs] = useState("skip");
  const list = useQuery(api.messages.list, args);
  const shout = useAction(api.messages.shout);
  useShown("single", { args, list: list ?? "loading" });
  useActions({ setArgs, shout });
  return null;
}

class Boundary extends Component {
  state = { error: null };
  static getDerivedStateFromError = (error) => ({ error });
  render() {
    const { error } = this.state;
    return error === null ? this.props.children : <Failure error={error} onRetry={() => this.setState({ error: null })} />;
  }
}
function Failure({ error, onRetry }) {
  useShown("guarded", { name: error.name, data: error.data, message: error.message });
  useActions({ retry: onRetry });
  return null;
}
function Guarded() {
  const [room, setRoom] = useState("locked");
  useActions({ setGuardedRoom: setRoom });
  return (
    <Boundary key={room}>
      <Room room={room} />
    </Boundary>
  );
}
function Room({ room }) {
  useShown("guarded", useQuery(api.messages.list, { room }));
  return null;
}

function Many() {
  const [rooms, setRooms] = useState([]);
  const requests = useMemo(
    () => Object.fromEntries(rooms.map((room) => [room, { query: api.messages.list, args: { room } }])),
    [rooms],
  );
  const results = useQueries(requests);
  const shown = Object.entries(results).map(([room, value]) => [room, value instanceof Error ? value.name : (value ?? "loading")]);
  useShown("many", Object.fromEntries(shown));
  useActions({ setRooms });
  return null;
}

function Connection() {
  const { isWebSocketConnected, hasInflightRequests, hasEverConnected } = useConvexConnectionState();
  useShown("connection", { isWebSocketConnected, hasInflightRequests, hasEverConnected });
  return null;
}

export function Queries() {
  return (
    <>
      <Single />
      <Guarded />
      <Many />
      <Connection />
    </>
  );
}

/** As a client component that got its first data from the server's rendering. */
export function Preloaded() {
  useShown("preloaded", usePreloadedQuery(window.preloaded));
  return null;
}
