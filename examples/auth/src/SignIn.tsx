import { useAuthActions } from "@convex-dev/auth/react";
import { type FormEvent, useState } from "react";

type Flow = "signIn" | "signUp";

function explain(error: unknown, flow: Flow) {
  const text = String(error);
  if (/InvalidAccountId|InvalidSecret/.test(text)) return "This email and password do not belong together.";
  if (text.includes("TooManyFailedAttempts")) return "Too many attempts. Wait a while.";
  if (text.includes("already exists")) return "There is an account for this email.";
  if (text.includes("Invalid password")) return "A password has at least 8 characters.";
  return flow === "signUp" ? "The account could not be made. Try again." : "That did not work. Try again.";
}

export function SignIn() {
  const { signIn } = useAuthActions();
  const [flow, setFlow] = useState<Flow>("signIn");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);

  async function attempt(provider: string, values?: FormData) {
    setBusy(true);
    setError(null);
    try {
      await signIn(provider, values);
    } catch (e) {
      setError(explain(e, flow));
    } finally {
      setBusy(false);
    }
  }
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    void attempt("password", new FormData(event.currentTarget));
  }
  function change(next: Flow) {
    setFlow(next);
    setError(null);
  }

  return (
    <form className="card" onSubmit={submit}>
      <h2>{flow === "signIn" ? "Sign in" : "New account"}</h2>
      <input type="hidden" name="flow" value={flow} />
      <label>
        Email
        <input name="email" type="email" autoComplete="username" required autoFocus />
      </label>
      <label>
        Password
        <input
          name="password"
          type="password"
          autoComplete={flow === "signIn" ? "current-password" : "new-password"}
          required
        />
      </label>
      {error !== null && (
        <p className="error" role="alert">
          {error}
        </p>
      )}
      <button type="submit" disabled={busy}>
        {flow === "signIn" ? "Sign in" : "Create account"}
      </button>
      <p className="hint">
        {flow === "signIn" ? "No account yet?" : "Have an account?"}{" "}
        <button type="button" className="link" onClick={() => change(flow === "signIn" ? "signUp" : "signIn")}>
          {flow === "signIn" ? "Make one" : "Sign in instead"}
        </button>
      </p>
      <button type="button" className="quiet" disabled={busy} onClick={() => void attempt("anonymous")}>
        Continue as a guest
      </button>
    </form>
  );
}
