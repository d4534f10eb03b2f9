/** How values pass between the API, inputs and the page, by the kind of their field. */

import { listRows } from "./api.js";
import { resourceNamed } from "./schema.js";

/** What people call a row: its first field. */
export function nameOf(resource, row) {
  return String(row[resource.fields[0].name] ?? `${resource.label} ${row.id}`);
}

/** A label as it stands inside a sentence: "Shopping list" → "shopping list", "FAQ" stays. */
export function inSentence(label) {
  return /^\p{Lu}\p{Ll}/u.test(label) ? label[0].toLowerCase() + label.slice(1) : label;
}

/** What a form starts with for a row: nothing is an empty text. */
export function formFromRow(fields, row) {
  return Object.fromEntries(
    fields.map(({ name, kind }) => [name, row[name] ?? (kind === "boolean" ? false : "")]),
  );
}

/** What the API is sent for a form: an empty input is null. */
export function rowFromForm(fields, form) {
  return Object.fromEntries(fields.map((field) => [field.name, valueFromForm(field, form)]));
}

function valueFromForm({ name, kind }, form) {
  if (form[name] === "") {
    return null;
  }
  return ["integer", "number", "reference"].includes(kind) ? Number(form[name]) : form[name];
}

/** A value as a list shows it; `referenced` as `loadReferenced` gives it. */
export function valueAsText(field, value, referenced) {
  if (field.kind === "boolean") {
    return value ? "Yes" : "No";
  }
  if (value === null || value === undefined) {
    return "";
  }
  if (field.kind === "reference") {
    const row = referenced[field.references].find(({ id }) => id === value);
    return row ? nameOf(resourceNamed(field.references), row) : "";
  }
  return String(value);
}

/** The rows that this resource's references may point to, by the name of their resource. */
export async function loadReferenced(resource) {
  const names = [...new Set(resource.fields.flatMap((field) => field.references ?? []))];
  const lists = await Promise.all(names.map((name) => listRows(resourceNamed(name))));
  return Object.fromEntries(names.map((name, index) => [name, lists[index]]));
}
