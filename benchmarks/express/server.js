// An error receiver as most people would write it: Express and supabase-js, a row for the error and one for the audit
// trail. It sanitizes, classifies, groups and limits nothing, and has neither a spool nor idempotency.
import { createClient } from "@supabase/supabase-js";
import express from "express";
import ws from "ws"; // Node.js 20 has no WebSocket

const { INGEST_TOKEN, PORT, SUPABASE_SECRET_KEY, SUPABASE_URL } = process.env;
const supabase = createClient(SUPABASE_URL, SUPABASE_SECRET_KEY, {
  auth: { autoRefreshToken: false, persistSession: false },
  realtime: { transport: ws },
});

const app = express();
app.use(express.json({ limit: "1mb" }));

app.get("/health", (_request, response) => {
  response.json({ status: "ok" });
});

app.post("/api/autonomous/error", async (request, response) => {
  if (request.get("authorization") !== `Bearer ${INGEST_TOKEN}`) {
    return response.status(401).json({ error: "A valid bearer token is required." });
  }
  const { error, source, environment, release, url, context } = request.body ?? {};
  if (!error?.message) {
    return response.status(400).json({ error: "error.message is required." });
  }
  const stored = await supabase
    .from("express_errors")
    .insert({
      message: error.message,
      type: error.type,
      stack: error.stack,
      source,
      environment,
      release,
      url,
      context,
    })
    .select("id")
    .single();
  if (stored.error) {
    return response.status(502).json({ error: stored.error.message });
  }
  const audited = await supabase
    .from("express_audit")
    .insert({ error_id: stored.data.id, action: "error_reported", details: { source, environment } });
  if (audited.error) {
    return response.status(502).json({ error: audited.error.message });
  }
  return response.status(201).json({ success: true, id: stored.data.id });
});

app.listen(Number(PORT), "127.0.0.1");
