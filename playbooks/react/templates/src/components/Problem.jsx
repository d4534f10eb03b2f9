/** Says what went wrong and, where that may help, offers to try again. */
export function Problem({ error, onRetry }) {
  return (
    <div className="problem" role="alert">
      <p>{error.message}</p>
      {onRetry && (
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}
