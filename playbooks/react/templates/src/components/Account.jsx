import { useState } from "react";

import { register, signIn, signOut } from "../api.js";
import { useSubmit } from "../hooks.js";
import { Field } from "./Field.jsx";
import { Problem } from "./Problem.jsx";

const fieldsFor = (isNew) => [
  { name: "email", label: "Email", kind: "email", required: true },
  {
    name: "password",
    label: "Password",
    kind: isNew ? "new_password" : "password",
    required: true,
  },
];

/** Signs in or registers; `onDone` is given the user. */
export function Account({ onDone }) {
  const [isNew, setIsNew] = useState(false);
  const word = isNew ? "Register" : "Sign in";
  const { submit, busy, error } = useSubmit(async (form) => {
    onDone(await (isNew ? register(form) : signIn(form)));
  });
  return (
    <section>
      <h1>{word}</h1>
      <form onSubmit={submit}>
        {error && <Problem error={error} />}
        {fieldsFor(isNew).map((field) => (
          <Field key={field.name} field={field} problem={error?.fields?.[field.name]} />
        ))}
        <div className="actions">
          <button type="submit" disabled={busy}>
            {word}
          </button>
          <button type="button" className="quiet" onClick={() => setIsNew(!isNew)}>
            {isNew ? "I have an account" : "Create an account"}
          </button>
        </div>
      </form>
    </section>
  );
}

/** Says who is signed in and signs them out. */
export function SignOut({ user, onDone }) {
  const { submit, busy, error } = useSubmit(async () => {
    await signOut();
    onDone();
  });
  return (
    <form className="session" onSubmit={submit}>
      {error ? <span role="alert">{error.message}</span> : <span>{user.email}</span>}
      <button type="submit" disabled={busy}>
        Sign out
      </button>
    </form>
  );
}
