import { useMutation } from "convex/react";
import { useRef, useState } from "react";
import { api } from "../convex/_generated/api";
import type { Id } from "../convex/_generated/dataModel";

/** A file on its way into the album, or one that did not get there. */
export interface Upload {
  id: number;
  name: string;
  /** How much has been sent, from 0 to 1. */
  share: number;
  problem?: string;
}

/** Posts a file to an upload URL. Unlike fetch(), XMLHttpRequest tells how far it has come. */
function post(url: string, file: File, sent: (share: number) => void): Promise<Id<"_storage">> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.responseType = "json";
    if (file.type !== "") request.setRequestHeader("Content-Type", file.type);
    request.upload.onprogress = ({ loaded, total }) => sent(total > 0 ? loaded / total : 0);
    request.onload = () => {
      if (request.status === 200) resolve(request.response.storageId);
      else reject(new Error(`was refused: ${request.response?.message ?? request.status}`));
    };
    request.onerror = () => reject(new Error("could not be sent. Is the server there?"));
    request.send(file);
  });
}

/** Uploads files straight to the deployment and adds them to the album. */
export function useUploads() {
  const uploadUrl = useMutation(api.pictures.uploadUrl);
  const add = useMutation(api.pictures.add);
  const [uploads, setUploads] = useState<Upload[]>([]);
  const nextId = useRef(0);

  const change = (id: number, fields: Partial<Upload>) =>
    setUploads((known) => known.map((each) => (each.id === id ? { ...each, ...fields } : each)));
  const dismiss = (id: number) => setUploads((known) => known.filter((each) => each.id !== id));

  const store = async (id: number, file: File) => {
    try {
      const storageId = await post(await uploadUrl({}), file, (share) => change(id, { share }));
      const problem = await add({ file: storageId, name: file.name });
      if (problem !== null) throw new Error(problem);
      dismiss(id);
    } catch (error) {
      change(id, { problem: (error as Error).message });
    }
  };

  const upload = (files: File[]) => {
    const started = files.map((file) => ({ id: nextId.current++, name: file.name, share: 0 }));
    setUploads((known) => [...known.filter(({ problem }) => problem === undefined), ...started]);
    files.forEach((file, at) => void store(started[at]!.id, file));
  };
  return { uploads, upload, dismiss };
}
