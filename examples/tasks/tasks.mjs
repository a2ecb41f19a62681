// A to-do list from plain Node: ConvexHttpClient for one-off calls, ConvexClient for a live query.
//   CONVEX_URL=http://127.0.0.1:3210 node tasks.mjs "buy rope" "paint the hull"
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { anyApi as api } from "convex/server";

const url = process.env.CONVEX_URL ?? "http://127.0.0.1:3210";
const texts = process.argv.slice(2);
if (texts.length === 0) texts.push("buy rope", "paint the hull");

const live = new ConvexClient(url);
const stop = live.onUpdate(api.tasks.open, {}, (tasks) => {
  console.log(`open tasks: ${tasks.map((task) => task.text).join(", ") || "none"}`);
});

const http = new ConvexHttpClient(url);
const ids = [];
for (const text of texts) ids.push(await http.mutation(api.tasks.add, { text }));
for (const id of ids) await live.mutation(api.tasks.finish, { id });
console.log(`left open: ${(await http.query(api.tasks.open, {})).length}`);

stop();
await live.close();
