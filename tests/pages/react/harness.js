// What a test sees of the page: every state that reached the screen, and what it may do.
import { useLayoutEffect } from "react";

window.shown = {}; // per name: the states in the order they were committed, as JSON
window.actions = {};

/** Notes `value` when React commits a frame with it; `undefined` is noted as "loading". */
export function useShown(name, value) {
  const text = JSON.stringify(value === undefined ? "loading" : value);
  useLayoutEffect(() => {
    const states = (window.shown[name] ??= []);
    if (states.at(-1) !== text) states.push(text);
  });
}

/** Lets the test call `actions[name](...)`. */
export function useActions(actions) {
  useLayoutEffect(() => {
    Object.assign(window.actions, actions);
  });
}
