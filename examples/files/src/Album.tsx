import { useMutation, useQuery } from "convex/react";
import { api } from "../convex/_generated/api";
import { Uploads } from "./Uploads";
import { useUploads } from "./useUploads";

const shownSize = (bytes: number) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

export function Album() {
  const pictures = useQuery(api.pictures.list);
  const remove = useMutation(api.pictures.remove);
  const { uploads, upload, dismiss } = useUploads();

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
      <Uploads uploads={uploads} dismiss={dismiss} />
      {pictures === undefined && <p className="hint">Loading…</p>}
      {pictures?.length === 0 && (
        <div className="empty">
          <p>No pictures yet.</p>
          <p className="hint">What you add is seen at once by everybody who has this page open.</p>
        </div>
      )}
      <ul className="pictures">
        {pictures?.map(({ _id, name, url, size }) => (
          <li key={_id}>
            {url !== null && (
              <a href={url} target="_blank" rel="noreferrer">
                <img src={url} alt={name} loading="lazy" />
              </a>
            )}
            <span title={name}>{name}</span>
            <small>{shownSize(size)}</small>
            <button onClick={() => void remove({ picture: _id })} aria-label={`Delete ${name}`}>
              Delete
            </button>
          </li>
        ))}
      </ul>
    </main>
  );
}
