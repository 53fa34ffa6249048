// Reads one incident through supabase-js as whoever the key and token say, and prints what came as JSON.
import { createRequire } from "node:module";

const require = createRequire(`${process.env.NODE_MODULES}/`);
const { createClient } = require("@supabase/supabase-js");

const [incidentId] = process.argv.slice(2);
const token = process.env.SUPABASE_TOKEN;
const client = createClient(process.env.SUPABASE_URL, process.env.SUPABASE_KEY, {
  auth: { persistSession: false },
  realtime: { transport: require("ws") },
  ...(token && { accessToken: async () => token }),
});
const { data, error, count, status } = await client
  .from("incidents")
  .select("id, title, severity, occurrence_count", { count: "exact" })
  .eq("id", incidentId)
  .order("last_seen", { ascending: false });
console.log(JSON.stringify({ data, code: error?.code ?? null, count, status }));
process.exit(0);
