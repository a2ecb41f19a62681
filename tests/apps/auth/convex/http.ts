// The deployment as an issuer of its own, as auth libraries that run in functions make it.
import { httpRouter } from "convex/server";
import { httpAction } from "./_generated/server";

const http = httpRouter();
const json = (body: string) => new Response(body, { headers: { "Content-Type": "application/json", "Cache-Control": "max-age=15" } });

http.route({
  path: "/.well-known/openid-configuration",
  method: "GET",
  handler: httpAction(async (_ctx, request) => {
    console.log("discovery with", request.headers.get("authorization"));
    const issuer = process.env.CONVEX_SITE_URL!;
    return json(JSON.stringify({ issuer, jwks_uri: `${issuer}/.well-known/jwks.json`, authorization_endpoint: `${issuer}/oauth` }));
  }),
});
http.route({ path: "/.well-known/jwks.json", method: "GET", handler: httpAction(async () => json(process.env.JWKS!)) });

http.route({
  path: "/whoami",
  method: "GET",
  handler: httpAction(async (ctx, request) => {
    let user;
    try {
      user = await ctx.auth.getUserIdentity();
    } catch (error) {
      user = `thrown: ${(error as Error).message}`;
    }
    return Response.json({ user, header: request.headers.get("authorization") });
  }),
});

// Asks the own deployment with the token of the caller, which has to be verified meanwhile.
http.route({
  path: "/ask-myself",
  method: "GET",
  handler: httpAction(async (_ctx, request) => {
    const answer = await fetch(`${process.env.CONVEX_CLOUD_URL}/api/query`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: request.headers.get("x-token")! },
      body: JSON.stringify({ path: "users:whoami", args: {}, format: "json" }),
    });
    return new Response(await answer.text(), { status: answer.status });
  }),
});

export default http;
