import { useState } from "react";

import { sendMessage } from "../api.js";
import { useSubmit } from "../hooks.js";
import { Field } from "./Field.jsx";
import { Problem } from "./Problem.jsx";

const FIELDS = [
  { name: "name", label: "Name", kind: "text", required: true },
  { name: "email", label: "Email", kind: "email", required: true },
  { name: "message", label: "Message", kind: "long_text", required: true },
];

/** Takes a message for the people behind the app. */
export function Contact() {
  const [sent, setSent] = useState(null);
  const { submit, busy, error } = useSubmit(async (form) => {
    setSent(await sendMessage(form));
  });
  if (sent) {
    return (
      <section>
        <h1>Contact</h1>
        <p role="status">
          {sent.drafted
            ? "Your message is in your mail program: please send it from there."
            : "Thank you for your message."}
        </p>
      </section>
    );
  }
  return (
    <section>
      <h1>Contact</h1>
      <form onSubmit={submit}>
        {error && <Problem error={error} />}
        {FIELDS.map((field) => (
          <Field key={field.name} field={field} problem={error?.fields?.[field.name]} />
        ))}
        <div className="actions">
          <button type="submit" disabled={busy}>
            {busy ? "Sending…" : "Send"}
          </button>
        </div>
      </form>
    </section>
  );
}
