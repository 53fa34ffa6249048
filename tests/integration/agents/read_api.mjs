// What a front-end agent reads through supabase-js: filters, order, embedding, exact counts, views and RPCs.
import { createRequire } from "node:module";

const require = createRequire(`${process.env.NODE_MODULES}/`);
const { createClient } = require("@supabase/supabase-js");

const [source] = process.argv.slice(2);
const client = createClient(process.env.SUPABASE_URL, process.env.SUPABASE_PUBLISHABLE_KEY, {
  auth: { persistSession: false },
  realtime: { transport: require("ws") },
  accessToken: async () => process.env.SUPABASE_TOKEN,
});

const filtered = await client
  .from("open_incidents")
  .select("id, severity", { count: "exact" })
  .eq("source", source)
  .in("severity", ["HIGH", "CRITICAL"])
  .order("severity", { ascending: false })
  .order("id")
  .range(0, 1);
const embedded = await client
  .from("incidents")
  .select("id, agent_actions(action, agent)")
  .eq("source", source)
  .order("id")
  .limit(1)
  .single();
const timeline = await client
  .from("incident_timeline")
  .select("who, what, from, to")
  .eq("incident_id", embedded.data.id)
  .order("id");
const stats = await client.from("incident_stats").select("*").order("day", { ascending: false }).limit(5);
const impact = await client.from("deployment_impact").select("*").limit(5);
const targets = await client.from("target_status").select("*").limit(5);
const history = await client.from("target_history").select("*").limit(5);
const context = await client.rpc("incident_context", { incident_id: embedded.data.id, budget: 3000 });
const refused = await client.from("incidents").update({ status: "resolved" }).eq("id", embedded.data.id).select();
console.log(
  JSON.stringify({
    filtered: { ids: filtered.data, count: filtered.count },
    embedded: embedded.data,
    timeline: timeline.data,
    errors: [stats, impact, targets, history, context].map(({ error }) => error),
    context: Object.keys(context.data).sort(),
    refused: refused.error?.code ?? null,
  }),
);
process.exit(0);
