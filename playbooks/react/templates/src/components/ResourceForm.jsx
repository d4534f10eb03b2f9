import { createRow, getRow, updateRow } from "../api.js";
import { inSentence, loadReferenced, nameOf, rowFromForm } from "../fields.js";
import { useLoad, useSubmit } from "../hooks.js";
import { resourceNamed } from "../schema.js";
import { Field } from "./Field.jsx";
import { Problem } from "./Problem.jsx";

/** Edits the row of this id; adds a new one when there is no id. */
export function ResourceForm({ resource, id }) {
  const { data, error, reload } = useLoad(() =>
    Promise.all([id === undefined ? {} : getRow(resource, id), loadReferenced(resource)]),
  );
  return (
    <section>
      <h1>
        {id === undefined ? "Add" : "Edit"} {inSentence(resource.label)}
      </h1>
      {error && <Problem error={error} onRetry={reload} />}
      {!data && !error && <p role="status">Loading…</p>}
      {data && <Form resource={resource} id={id} row={data[0]} referenced={data[1]} />}
    </section>
  );
}

function Form({ resource, id, row, referenced }) {
  const list = `#/${resource.path}`;
  const { submit, busy, error } = useSubmit(async (form) => {
    const changed = rowFromForm(resource.fields, form);
    await (id === undefined ? createRow(resource, changed) : updateRow(resource, id, changed));
    window.location.hash = list;
  });
  return (
    <form onSubmit={submit}>
      {error && <Problem error={error} />}
      {resource.fields.map((field) => (
        <Field
          key={field.name}
          field={field}
          value={row[field.name]}
          options={optionsOf(field, referenced)}
          problem={error?.fields?.[field.name]}
        />
      ))}
      <div className="actions">
        <button type="submit" disabled={busy}>
          {busy ? "Saving…" : "Save"}
        </button>
        <a href={list}>Cancel</a>
      </div>
    </form>
  );
}

function optionsOf(field, referenced) {
  if (field.kind !== "reference") {
    return [];
  }
  const target = resourceNamed(field.references);
  return referenced[field.references].map((row) => ({ id: row.id, name: nameOf(target, row) }));
}
