import { useId } from "react";

const INPUTS = {
  text: { type: "text", maxLength: 200 },
  integer: { type: "number", step: 1 },
  number: { type: "number", step: "any" },
  date: { type: "date" },
  email: { type: "email", autoComplete: "email" },
  password: { type: "password", autoComplete: "current-password" },
  new_password: { type: "password", autoComplete: "new-password" },
};

/**
 * A labelled input for one field of the schema. `value` is what it starts with, `options` what a
 * reference may point to ({ id, name }), `problem` what is wrong with it.
 */
export function Field({ field, value, options, problem }) {
  const id = useId();
  const common = {
    id,
    name: field.name,
    required: field.required && field.kind !== "boolean",
    "aria-invalid": problem ? true : undefined,
    "aria-describedby": problem ? `${id}-problem` : undefined,
  };
  return (
    <div className={`field ${field.kind}`}>
      <label htmlFor={id}>{field.label}</label>
      <Input field={field} value={value} options={options} common={common} />
      {problem && (
        <p className="field-problem" id={`${id}-problem`}>
          {problem}
        </p>
      )}
    </div>
  );
}

function Input({ field, value, options, common }) {
  switch (field.kind) {
    case "boolean":
      return <input {...common} type="checkbox" defaultChecked={value ?? false} />;
    case "long_text":
      return <textarea {...common} rows={5} defaultValue={value ?? ""} />;
    case "reference":
      return (
        <select {...common} defaultValue={value ?? ""}>
          <option value="">None</option>
          {options.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      );
    default:
      return <input {...common} {...INPUTS[field.kind]} defaultValue={value ?? ""} />;
  }
}
