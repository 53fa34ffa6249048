// The service on Railway, for `railway config plan` and `railway config apply`; docs/deploy.md describes the steps.
// Reference: https://docs.railway.com/infrastructure-as-code/reference
import { defineRailway, preserve, project, service, volume } from "railway/iac";

export default defineRailway(() => {
  const data = volume("monitoring-data");
  const monitoring = service("monitoring", {
    build: { builder: "DOCKERFILE", dockerfilePath: "Dockerfile" },
    deploy: {
      healthcheckPath: "/health",
      healthcheckTimeout: 60,
      restartPolicyType: "ALWAYS",
      // SIGKILL comes this long after SIGTERM. Railway's default is 0; the service needs up to 10 s to drain.
      drainingSeconds: 15,
      // Without the volume the next deployment would lose the reports that wait in the spool.
      requiredMountPath: "/data",
    },
    volumeMounts: { "/data": data },
    env: {
      // Railway mounts volumes as root, and the image's own user could not write there.
      RAILWAY_RUN_UID: "0",
      // preserve() keeps the value that is set on Railway. Add a line for each optional variable that you set there.
      SUPABASE_URL: preserve(),
      SUPABASE_SECRET_KEY: preserve(),
      SUPABASE_PUBLISHABLE_KEY: preserve(),
      INGEST_TOKEN: preserve(),
      OPERATOR_TOKEN: preserve(),
      SENTRY_CLIENT_SECRET: preserve(),
    },
  });
  return project("monitoring", { resources: [monitoring, data] });
});
