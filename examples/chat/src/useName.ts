import { useCallback, useState } from "react";

const BOATS = ["Albatross", "Beagle", "Calypso", "Dawn Treader", "Endurance", "Fram", "Golden Hind", "Hispaniola"];

/** The visitor's display name, kept per tab so that two tabs can talk to each other. */
export function useName(): [string, (name: string) => void] {
  const [name, setState] = useState(() => {
    const stored = sessionStorage.getItem("name");
    if (stored !== null) return stored;
    const made = `${BOATS[Math.floor(Math.random() * BOATS.length)]} ${Math.floor(Math.random() * 90 + 10)}`;
    sessionStorage.setItem("name", made);
    return made;
  });
  const setName = useCallback((next: string) => {
    sessionStorage.setItem("name", next);
    setState(next);
  }, []);
  return [name, setName];
}
