import type { Upload } from "./useUploads";

interface Props {
  uploads: Upload[];
  dismiss: (id: number) => void;
}

/** What is on its way, and what did not arrive. */
export function Uploads({ uploads, dismiss }: Props) {
  if (uploads.length === 0) return null;
  return (
    <ul className="uploads" aria-label="Uploads">
      {uploads.map(({ id, name, share, problem }) =>
        problem === undefined ? (
          <li key={id}>
            <span>{name}</span>
            <progress value={share} aria-label={`Sending ${name}`} />
          </li>
        ) : (
          <li key={id}>
            <p role="alert">
              {name} {problem}
            </p>
            <button onClick={() => dismiss(id)} aria-label={`Dismiss ${name}`}>
              OK
            </button>
          </li>
        ),
      )}
    </ul>
  );
}
