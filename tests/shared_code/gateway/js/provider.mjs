// A real OpenID provider (panva/node-oidc-provider): node provider.mjs PORT. Started again, it has new keys.
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const jwk = (type, options, alg) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: "jwk" }),
  kid: `${alg}-${process.pid}`,
  alg,
  use: "sig",
});

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "partner",
      client_secret: "between-the-partner-and-its-provider",
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
    },
  ],
  jwks: { keys: [jwk("rsa", { modulusLength: 2048 }, "RS256"), jwk("ec", { namedCurve: "P-256" }, "ES256")] },
  scopes: ["events.write", "content.read"],
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, resource) => ({
        scope: "events.write content.read",
        audience: resource.startsWith("urn:sayzhong:") ? "api://sayzhong" : resource,
        accessTokenFormat: "jwt",
        accessTokenTTL: 300,
        jwt: { sign: { alg: resource.endsWith(":es256") ? "ES256" : "RS256" } },
      }),
    },
  },
});
createServer(provider.callback()).listen(port, "127.0.0.1");
