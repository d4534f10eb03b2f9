import { useState } from "react";

import { listRows, removeRow } from "../api.js";
import { inSentence, loadReferenced, nameOf, valueAsText } from "../fields.js";
import { useLoad } from "../hooks.js";
import { Problem } from "./Problem.jsx";

/** All rows of a resource, with ways to add, edit and delete. */
export function ResourceList({ resource }) {
  const { data, error, reload } = useLoad(() =>
    Promise.all([listRows(resource), loadReferenced(resource)]),
  );
  const [failure, setFailure] = useState(null);

  async function remove(row) {
    if (!window.confirm(`Delete “${nameOf(resource, row)}”?`)) {
      return;
    }
    try {
      await removeRow(resource, row.id);
      setFailure(null);
      reload();
    } catch (reason) {
      setFailure(reason);
    }
  }

  return (
    <section>
      <div className="heading">
        <h1>{resource.labelPlural}</h1>
        <a className="button" href={`#/${resource.path}/new`}>
          Add {inSentence(resource.label)}
        </a>
      </div>
      {failure && <Problem error={failure} />}
      {error && <Problem error={error} onRetry={reload} />}
      {!data && !error && <p role="status">Loading…</p>}
      {data?.[0].length === 0 && <p>No {inSentence(resource.labelPlural)} yet.</p>}
      {data?.[0].length > 0 && (
        <Table resource={resource} rows={data[0]} referenced={data[1]} onDelete={remove} />
      )}
    </section>
  );
}

function Table({ resource, rows, referenced, onDelete }) {
  return (
    <div className="scroll">
      <table>
        <thead>
          <tr>
            {resource.fields.map((field) => (
              <th key={field.name} scope="col">
                {field.label}
              </th>
            ))}
            <th scope="col">Actions</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.id}>
              {resource.fields.map((field) => (
                <td key={field.name} className={field.kind}>
                  {valueAsText(field, row[field.name], referenced)}
                </td>
              ))}
              <td className="actions">
                <a
                  href={`#/${resource.path}/${row.id}`}
                  aria-label={`Edit ${nameOf(resource, row)}`}
                >
                  Edit
                </a>
                <button
                  type="button"
                  aria-label={`Delete ${nameOf(resource, row)}`}
                  onClick={() => onDelete(row)}
                >
                  Delete
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
