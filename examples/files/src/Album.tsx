import { useMutation, useQuery } from "convex/react";
import { api } from "../convex/_generated/api";
import { useUploads } from "./useUploads";

const inKilobytes = (bytes: number) => `${Math.max(1, Math.round(bytes / 1000))} kB`;

export function Album() {
  const pictures = useQuery(api.pictures.list);
  const remove = useMutation(api.pictures.remove);
  const { running, problems, upload } = useUploads();

  return (
    <main>
      <header>
        <h1>Album</h1>
        <label className="choose">
          Add pictures
          <input
            type="file"
            accept="image/*"
            multiple
            onChange={(event) => {
              upload([...(event.target.files ?? [])]);
              event.target.value = "";
            }}
          />
        </label>
      </header>
      {running > 0 && <p role="status">Uploading {running}…</p>}
      {problems.map((problem) => (
        <p key={problem} role="alert">
          {problem}
        </p>
      ))}
      {pictures?.length === 0 && <p className="hint">No pictures yet.</p>}
      <ul>
        {pictures?.map(({ _id, name, url, size }) => (
          <li key={_id}>
            {url !== null && <img src={url} alt={name} loading="lazy" />}
            <span>{name}</span>
            <small>{inKilobytes(size)}</small>
            <button onClick={() => void remove({ picture: _id })} aria-label={`Delete ${name}`}>
              Delete
            </button>
          </li>
        ))}
      </ul>
    </main>
  );
}
