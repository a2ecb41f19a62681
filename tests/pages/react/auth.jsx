import { ConvexProviderWithAuth, useConvexAuth, useMutation, useQuery } from "convex/react";
import { anyApi as api } from "convex/server";
import { useCallback, useState } from "react";
import { useActions, useShown } from "./harness";

/** An auth library in small: the test is the identity provider, through `window.fetchToken(user, forceRefresh)`. */
function useAuth() {
  const [user, setUser] = useState(new URLSearchParams(location.search).get("user"));
  useActions({ setUser });
  const fetchAccessToken = useCallback(({ forceRefreshToken }) => window.fetchToken(user, forceRefreshToken), [user]);
  return { isLoading: false, isAuthenticated: user !== null, fetchAccessToken };
}

function Profile() {
  const { isLoading, isAuthenticated } = useConvexAuth();
  const name = useQuery(api.messages.whoAmI);
  const sign = useMutation(api.messages.signed);
  useShown("auth", { auth: isLoading ? "loading" : isAuthenticated, name: name ?? "loading" });
  useActions({ sign: () => sign({ room: "signed" }) });
  return null;
}

export function Auth({ client }) {
  return (
    <ConvexProviderWithAuth client={client} useAuth={useAuth}>
      <Profile />
    </ConvexProviderWithAuth>
  );
}
