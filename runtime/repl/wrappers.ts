// What `convex:/_system/repl/wrappers.js` exports to the module of an ad-hoc query (http-api.md §7.2).
export {
  actionGeneric as action,
  internalActionGeneric as internalAction,
  internalMutationGeneric as internalMutation,
  internalQueryGeneric as internalQuery,
  mutationGeneric as mutation,
  queryGeneric as query,
} from "convex/server";
