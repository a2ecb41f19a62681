import { cronJobs } from "convex/server";
import { internal } from "./_generated/api";

const crons = cronJobs();
crons.monthly("tidy", { day: 1, hourUTC: 3, minuteUTC: 5 }, internal.messages.clear);
export default crons;
