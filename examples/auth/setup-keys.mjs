// Prints a new key pair for @convex-dev/auth as environment variables: JWT_PRIVATE_KEY signs the tokens, JWKS is its public half.
//   node setup-keys.mjs | npx convex env set
import { exportJWK, exportPKCS8, generateKeyPair } from "jose";

const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
const pem = (await exportPKCS8(privateKey)).trimEnd().replaceAll("\n", " ");
const jwks = JSON.stringify({ keys: [{ use: "sig", ...(await exportJWK(publicKey)) }] });
console.log(`JWT_PRIVATE_KEY="${pem}"`);
console.log(`JWKS='${jwks}'`);
