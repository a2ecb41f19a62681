// The providers come from the environment, so that each test file has its own.
export default {
  providers: [{ domain: process.env.CONVEX_SITE_URL, applicationID: "convex" }, ...JSON.parse(process.env.PROVIDERS!)],
};
