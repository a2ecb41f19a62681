// One page per scene: ?scene=NAME&url=DEPLOYMENT.
import { ConvexProvider, ConvexReactClient } from "convex/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Auth } from "./auth";
import { Optimistic } from "./optimistic";
import { Pages } from "./pages";
import { Preloaded, Queries } from "./queries";

const parameters = new URLSearchParams(location.search);
const client = new ConvexReactClient(parameters.get("url"));
const Scene = { Queries, Optimistic, Pages, Preloaded }[parameters.get("scene")];

createRoot(document.getElementById("root")).render(
  <StrictMode>
    {Scene === undefined ? (
      <Auth client={client} />
    ) : (
      <ConvexProvider client={client}>
        <Scene />
      </ConvexProvider>
    )}
  </StrictMode>,
);
