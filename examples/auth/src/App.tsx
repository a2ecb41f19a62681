import { Authenticated, AuthLoading, Unauthenticated } from "convex/react";
import { Logbook } from "./Logbook";
import { SignIn } from "./SignIn";

export function App() {
  return (
    <main>
      <h1>
        <img src="/icon.svg" alt="" /> Logbook
      </h1>
      <AuthLoading>
        <p className="hint">One moment…</p>
      </AuthLoading>
      <Unauthenticated>
        <SignIn />
      </Unauthenticated>
      <Authenticated>
        <Logbook />
      </Authenticated>
    </main>
  );
}
