// A real OpenID provider on loopback: `node provider.mjs PORT CALLBACK SECRET_FILE`. Everybody gets in who types a name; who is in which
// group is written here.
import { readFileSync } from "node:fs";
import { Provider } from "oidc-provider";

const [port, callback, secretFile] = process.argv.slice(2);
const groups = { amy: ["staff", "helpdesk-sre"], bob: ["staff"] };

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: "alces",
    client_secret: readFileSync(secretFile, "utf8").trim(),
    redirect_uris: [callback],
    post_logout_redirect_uris: [new URL("/login", callback).href],
  }],
  claims: { openid: ["sub"], profile: ["preferred_username"], email: ["email", "email_verified"], groups: ["groups"] },
  scopes: ["openid", "profile", "email", "groups"],
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, preferred_username: id, email: `${id}@example.com`, email_verified: false, groups: groups[id] ?? [] }),
  }),
  pkce: { required: () => true },
  cookies: { keys: ["a key of the tests"] },
});

provider.listen(Number(port), "127.0.0.1", () => console.log(`provider listening port=${port}`));
