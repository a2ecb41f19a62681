import { useMutation } from "convex/react";
import { useState } from "react";
import { api } from "../convex/_generated/api";
import type { Id } from "../convex/_generated/dataModel";

/** Uploads files straight to the deployment and adds them to the album. */
export function useUploads() {
  const uploadUrl = useMutation(api.pictures.uploadUrl);
  const add = useMutation(api.pictures.add);
  const [running, setRunning] = useState(0);
  const [problems, setProblems] = useState<string[]>([]);

  const store = async (file: File) => {
    const response = await fetch(await uploadUrl({}), {
      method: "POST",
      headers: file.type === "" ? {} : { "Content-Type": file.type },
      body: file,
    });
    if (!response.ok) throw new Error(`was refused (${response.status})`);
    const { storageId }: { storageId: Id<"_storage"> } = await response.json();
    const problem = await add({ file: storageId, name: file.name });
    if (problem) throw new Error(problem);
  };

  const upload = (files: File[]) => {
    setProblems([]);
    for (const file of files) {
      setRunning((count) => count + 1);
      store(file)
        .catch((error: Error) => setProblems((known) => [...known, `${file.name} ${error.message}`]))
        .finally(() => setRunning((count) => count - 1));
    }
  };
  return { running, problems, upload };
}
