/** Why the API did not do what it was asked, in words for people. */
export class ApiError extends Error {
  /**
   * `status` is the answer's (0 when none came); `fields` holds what is wrong with which field.
   */
  constructor(message, { status = 0, fields = {} } = {}) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.fields = fields;
  }
}
