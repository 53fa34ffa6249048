-- Purpose: inserts the formats of tokens that are built in, from the documentation of the vendors and the lists of
--   public scanners.
-- Objects: functions monitoring.list_secret_formats_a_to_f, monitoring.list_secret_formats_g_to_o,
--   monitoring.list_secret_formats_p_to_z, monitoring.seed_secret_formats.
-- Risks: no example is written out, because scanners of repositories would report it: prefix and rest are joined.

create function monitoring.list_secret_formats_a_to_f()
returns table (name text, prefix text, body text, rest text, counterexample text)
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  values
  ('1password_secret_key', 'A3-', '[A-Z0-9]{6}-[A-Z0-9]{6,}-[A-Z0-9-]{15,}', 'A1B2C3-A1B2C3-A1B2C-A1B2C-A1B2C', 'A3-SIZED paper is missing'),
  ('adobe_client_secret', 'p8e-', '[0-9a-f]{16,}', repeat('0a1b', 20), 'p8e-is-a-name'),
  ('age_plugin', 'AGE-PLUGIN-', '[A-Z0-9]{2,16}-1[A-Z0-9]{20,}', 'ACME-1' || repeat('A1B2', 10), 'AGE-PLUGIN-YUBIKEY not found'),
  ('age_secret_key', 'AGE-SECRET-KEY-1', '[A-Z0-9]{16,}', repeat('A1B2', 20), 'AGE-SECRET-KEY-1 was expected'),
  ('airtable', 'pat', '[A-Za-z0-9]{14}\.[0-9a-f]{32,}', repeat('a1', 7) || '.' || repeat('0a1b', 16), 'patternMatchFound.abcdef is undefined'),
  ('alibaba_access_key', 'LTAI', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'LTAI is no region'),
  ('amazon_login_access', 'Atza|', '[\w-]{12,}', repeat('a1B2', 20), 'Atza|missing'),
  ('amazon_login_refresh', 'Atzr|', '[\w-]{12,}', repeat('a1B2', 20), 'Atzr|missing'),
  ('amazon_login_secret', 'amzn1.oa2-cs.v1.', '[0-9a-f]{16,}', repeat('0a1b', 20), 'amzn1.oa2-cs.v1.json'),
  ('amazon_mws', 'amzn.mws.', '[0-9a-f-]{36}', '0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f', 'amzn.mws.client'),
  ('asana', '1/1', '[0-9]{10,16}:[0-9a-f]{16,}', '234567890123456:' || repeat('0a1b', 8), '1/12 of the rows'),
  ('asana_second', '2/1', '[0-9]{10,16}/[0-9]{10,16}:[0-9a-f]{16,}', '234567890123456/1234567890123456:' || repeat('0a1b', 8), '2/12 of the rows'),
  ('atlassian_api_token', 'ATATT', '[\w-]{12,}', repeat('a1B2', 20), 'ATATT_HANDLER failed'),
  ('atlassian_cloud_token', 'ATCTT', '[\w-]{12,}', repeat('a1B2', 20), 'ATCTT_HANDLER failed'),
  ('aws_bearer_id', 'ABIA', '[A-Z0-9]{16,}', repeat('A1B2', 20), 'ABIA CONSTRAINT'),
  ('aws_bedrock_key', 'ABSK', '[A-Za-z0-9+/]{16,}', repeat('a1B2', 30), 'ABSK is missing'),
  ('aws_context_id', 'ACCA', '[A-Z0-9]{16,}', repeat('A1B2', 20), 'ACCA CONSTRAINT'),
  ('aws_session_token', 'IQoJb3JpZ2lu', '[A-Za-z0-9+/=%]{16,}', repeat('a1B2', 30), 'IQoJb3JpZ2lu is a prefix'),
  ('aws_session_token_old', 'FwoGZXIvYXdz', '[A-Za-z0-9+/=%]{16,}', repeat('a1B2', 30), 'FwoGZXIvYXdz is a prefix'),
  ('axiom', 'xaat-', '[0-9a-f-]{36}', '0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f', 'xaat-token is missing'),
  ('axiom_personal', 'xapt-', '[0-9a-f-]{36}', '0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f', 'xapt-missing'),
  ('bitbucket_app_password', 'ATBB', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'ATBB is not set'),
  ('braintree', 'access_token$production$', '[a-z0-9]{8,}\$[0-9a-f]{16,}', repeat('0a1b', 4) || '$' || repeat('0a1b', 8), 'access_token$production$'),
  ('brevo', 'xkeysib-', '[0-9a-f]{16,}', repeat('0a1b', 20), 'xkeysib-key is missing'),
  ('brevo_smtp', 'xsmtpsib-', '[0-9a-f]{16,}', repeat('0a1b', 20), 'xsmtpsib-key is missing'),
  ('browserbase', 'bb_live_', '[\w-]{12,}', repeat('a1B2', 20), 'bb_live_missing'),
  ('buildkite_user', 'bkua_', '[0-9a-f]{16,}', repeat('0a1b', 20), 'bkua_token is missing'),
  ('cerebras', 'csk-', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'csk-missing'),
  ('circleci', 'CCIPAT_', '[A-Za-z0-9]{16,}_[0-9a-f]{32,}', repeat('a1B2', 5) || '_' || repeat('0a1b', 10), 'CCIPAT_TOKEN is not set'),
  ('clojars', 'CLOJARS_', '[0-9a-f]{16,}', repeat('0a1b', 20), 'CLOJARS_USERNAME=acme'),
  ('cloudflare_origin_ca', 'v1.0-', '[0-9a-f]{24}-[0-9a-f]{16,}', repeat('0a1b', 6) || '-' || repeat('0a1b', 36), 'v1.0-beta-3'),
  ('contentful', 'CFPAT-', '[\w-]{12,}', repeat('a1B2', 20), 'CFPAT-missing'),
  ('crates_io', 'cio', '[A-Za-z0-9]{32,}', repeat('a1B2', 20), 'cioWorkerPool'),
  ('databricks', 'dapi', '[0-9a-f]{16,}', repeat('0a1b', 20), 'dapi error'),
  ('dbt_service', 'dbtc_', '[\w-]{12,}', repeat('a1B2', 20), 'dbtc_missing'),
  ('dbt_user', 'dbtu_', '[\w-]{12,}', repeat('a1B2', 20), 'dbtu_missing'),
  ('defined_networking', 'dnkey-', '[\w-]{12,}', repeat('a1B2', 20), 'dnkey-missing'),
  ('deno_deploy', 'ddp_', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'ddp_deployment_of_the_app'),
  ('digitalocean_oauth', 'doo_v1_', '[0-9a-f]{16,}', repeat('0a1b', 20), 'doo_v1_token'),
  ('digitalocean_refresh', 'dor_v1_', '[0-9a-f]{16,}', repeat('0a1b', 20), 'dor_v1_token'),
  ('docker_organization', 'dckr_oat_', '[\w-]{12,}', repeat('a1B2', 20), 'dckr_oat_ is missing'),
  ('doppler_audit', 'dp.audit.', '[\w.-]{20,}', repeat('a1B2', 20), 'dp.audit.length'),
  ('doppler_cli', 'dp.ct.', '[\w.-]{20,}', repeat('a1B2', 20), 'dp.ct.length'),
  ('doppler_personal', 'dp.pt.', '[\w.-]{20,}', repeat('a1B2', 20), 'dp.pt.length'),
  ('doppler_scim', 'dp.scim.', '[\w.-]{20,}', repeat('a1B2', 20), 'dp.scim.length'),
  ('doppler_service', 'dp.st.', '[\w.-]{20,}', 'prd.' || repeat('a1B2', 20), 'dp.st.length'),
  ('doppler_service_account', 'dp.sa.', '[\w.-]{20,}', repeat('a1B2', 20), 'dp.sa.length'),
  ('dropbox', 'sl.', '[\w=-]{32,}', repeat('a1B2', 20), 'sl.select is not a function'),
  ('dropbox_user', 'sl.u.', '[\w=-]{32,}', repeat('a1B2', 20), 'sl.u.select is not a function'),
  ('duffel_live', 'duffel_live_', '[\w-]{12,}', repeat('a1B2', 20), 'duffel_live_mode'),
  ('duffel_test', 'duffel_test_', '[\w-]{12,}', repeat('a1B2', 20), 'duffel_test_mode'),
  ('dynatrace', 'dt0c01.', '[A-Z0-9]{24}\.[A-Z0-9]{32,}', repeat('A1B2', 6) || '.' || repeat('A1B2', 16), 'dt0c01.json not found'),
  ('e2b', 'e2b_', '[0-9a-f]{16,}', repeat('0a1b', 20), 'e2b_missing'),
  ('easypost_live', 'EZAK', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'EZAK is not set'),
  ('easypost_test', 'EZTK', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'EZTK is not set'),
  ('facebook_or_square', 'EAA', '[\w-]{32,}', repeat('a1B2', 20), 'EAAccess denied'),
  ('figma', 'figd_', '[\w-]{12,}', repeat('a1B2', 20), 'figd_ is missing'),
  ('figma_oauth', 'figo_', '[\w-]{12,}', repeat('a1B2', 20), 'figo_ is missing'),
  ('firecrawl', 'fc-', '[0-9a-f]{24,}', repeat('0a1b', 20), 'fc-cache failed'),
  ('fireworks', 'fw_', '[A-Za-z0-9]{24,}', repeat('a1B2', 20), 'fw_rule_for_incoming_traffic_of_hosts'),
  ('flutterwave', 'FLWSECK', '(?:-|_TEST-)[0-9a-f]{12,}', '_TEST-' || repeat('0a1b', 8), 'FLWSECK_TEST is not set'),
  ('fly_io', 'fo1_', '[\w-]{12,}', repeat('a1B2', 20), 'fo1_value'),
  ('fly_io_macaroon', 'fm2_', '[\w+/=-]{16,}', repeat('a1B2', 20), 'fm2_value'),
  ('fly_io_macaroon_old', 'fm1', '[ar]_[\w+/=-]{40,}', 'r_' || repeat('a1B2', 20), 'fm1r_value'),
  ('frame_io', 'fio-u-', '[\w-]{12,}', repeat('a1B2', 20), 'fio-u-value')
$$;

comment on function monitoring.list_secret_formats_a_to_f() is
'Returns the built-in formats up to the letter F. The example of a format is prefix and rest.';

create function monitoring.list_secret_formats_g_to_o()
returns table (name text, prefix text, body text, rest text, counterexample text)
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  values
  ('gitlab_agent', 'glagent-', '[\w-]{12,}', repeat('a1B2', 20), 'glagent-missing'),
  ('gitlab_deploy', 'gldt-', '[\w-]{12,}', repeat('a1B2', 20), 'gldt-missing'),
  ('gitlab_feature_flags', 'glffct-', '[\w-]{12,}', repeat('a1B2', 20), 'glffct-missing'),
  ('gitlab_feed', 'glft-', '[\w-]{12,}', repeat('a1B2', 20), 'glft-missing'),
  ('gitlab_job', 'glcbt-', '[\w-]{12,}', repeat('a1B2', 20), 'glcbt-missing'),
  ('gitlab_mail', 'glimt-', '[\w-]{12,}', repeat('a1B2', 20), 'glimt-missing'),
  ('gitlab_oauth', 'gloas-', '[\w-]{12,}', repeat('a1B2', 20), 'gloas-missing'),
  ('gitlab_runner', 'glrt-', '[\w.-]{16,}', repeat('a1B2', 20), 'glrt-missing'),
  ('gitlab_runner_old', 'GR1348941', '[\w-]{12,}', repeat('a1B2', 20), 'GR1348941 rows'),
  ('gitlab_scim', 'glsoat-', '[\w-]{12,}', repeat('a1B2', 20), 'glsoat-missing'),
  ('gitlab_trigger', 'glptt-', '[\w-]{12,}', repeat('a1B2', 20), 'glptt-missing'),
  ('google_refresh_token', '1//0', '[\w-]{12,}', repeat('a1B2', 20), '1//0 is no fraction'),
  ('grafana_cloud', 'glc_', '[\w+/=-]{16,}', repeat('a1B2', 20), 'glc_ is missing'),
  ('grafana_service_account', 'glsa_', '[\w-]{12,}', repeat('a1B2', 20), 'glsa_ is missing'),
  ('groq', 'gsk_', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'gsk_ is missing'),
  ('harness', 'pat.', '[\w-]{22}\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{20,}', repeat('a1', 11) || '.' || repeat('a1', 12) || '.' || repeat('a1', 10), 'pat.matcher(value).matches()'),
  ('heroku', 'HRKU-', '[\w-]{12,}', repeat('a1B2', 20), 'HRKU-missing'),
  ('honeycomb_configuration', 'hcalk_', '[\w-]{12,}', repeat('a1B2', 20), 'hcalk_missing'),
  ('honeycomb_ingest', 'hcaik_', '[\w-]{12,}', repeat('a1B2', 20), 'hcaik_missing'),
  ('hubspot_eu', 'pat-eu1-', '[0-9a-f-]{36}', '0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f', 'pat-eu1-missing'),
  ('hubspot_na', 'pat-na1-', '[0-9a-f-]{36}', '0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f', 'pat-na1-missing'),
  ('hugging_face_organization', 'api_org_', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'api_org_members'),
  ('infracost', 'ico-', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'ico-sprite'),
  ('inngest', 'signkey-', '(?:prod|test|branch)-[0-9a-f]{16,}', 'prod-' || repeat('0a1b', 16), 'signkey-prod-missing'),
  ('jfrog_api_key', 'AKCp', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'AKCp is missing'),
  ('jfrog_reference_token', 'cmVmd', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'cmVmd is base64'),
  ('jina', 'jina_', '[\w-]{32,}', repeat('a1B2', 20), 'jina_missing'),
  ('kong', 'kpat_', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'kpat_missing'),
  ('langsmith', 'lsv2_', '(?:pt|sk)_[\w-]{12,}', 'pt_' || repeat('a1B2', 20), 'lsv2_pt_missing'),
  ('launchdarkly_api', 'api-', '[0-9a-f-]{36}', '0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f', 'api-gateway'),
  ('launchdarkly_sdk', 'sdk-', '[0-9a-f-]{36}', '0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f', 'sdk-for-javascript'),
  ('linear_api_key', 'lin_api_', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'lin_api_version'),
  ('linear_oauth', 'lin_oauth_', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'lin_oauth_callback'),
  ('mailersend', 'mlsn.', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'mlsn.json'),
  ('mailgun', 'key-', '[0-9a-f]{16,}', repeat('0a1b', 20), 'key-value store'),
  ('mailgun_public', 'pubkey-', '[0-9a-f]{16,}', repeat('0a1b', 20), 'pubkey-pinning failed'),
  ('mollie_live', 'live_', '[A-Za-z0-9]{28,}', repeat('a1B2', 20), 'live_reload'),
  ('neon', 'napi_', '[a-z0-9]{20,}', repeat('0a1b', 20), 'napi_create_function failed'),
  ('netlify', 'nfp_', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'nfp_report_of_the_last_month'),
  ('new_relic_insert', 'NRII-', '[\w-]{12,}', repeat('a1B2', 20), 'NRII-missing'),
  ('new_relic_mobile', 'NRMA-', '[\w-]{12,}', repeat('a1B2', 20), 'NRMA-missing'),
  ('new_relic_query', 'NRIQ-', '[\w-]{12,}', repeat('a1B2', 20), 'NRIQ-missing'),
  ('new_relic_user', 'NRAK-', '[A-Z0-9]{16,}', repeat('A1B2', 20), 'NRAK-missing'),
  ('notion', 'ntn_', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'ntn_sync_of_all_pages_failed'),
  ('notion_old', 'secret_', '[A-Za-z0-9]{40,}', repeat('a1B2', 20), 'secret_manager_client_initialization_failed'),
  ('nuget', 'oy2', '[a-z0-9]{40,}', repeat('0a1b', 20), 'oy2 is missing'),
  ('nvidia', 'nvapi-', '[\w-]{12,}', repeat('a1B2', 20), 'nvapi-error'),
  ('octopus', 'API-', '[A-Z0-9]{25,}', repeat('A1B2', 20), 'API-GATEWAY timed out'),
  ('onesignal', 'os_v2_', '(?:app|org)_[a-z0-9]{20,}', 'app_' || repeat('a1b2', 20), 'os_v2_app_missing'),
  ('onfido_live', 'api_live.', '[\w.-]{20,}', repeat('a1B2', 20), 'api_live.ts'),
  ('onfido_test', 'api_test.', '[\w.-]{20,}', repeat('a1B2', 20), 'api_test.ts'),
  ('openshift', 'sha256~', '[\w-]{12,}', repeat('a1B2', 20), 'sha256~ is a prefix')
$$;

comment on function monitoring.list_secret_formats_g_to_o() is
'Returns the built-in formats from G to O. The example of a format is prefix and rest.';

create function monitoring.list_secret_formats_p_to_z()
returns table (name text, prefix text, body text, rest text, counterexample text)
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  values
  ('paddle_live', 'pdl_live_', '[\w-]{20,}', 'apikey_' || repeat('a1B2', 20), 'pdl_live_missing'),
  ('paddle_sandbox', 'pdl_sdbx_', '[\w-]{20,}', 'apikey_' || repeat('a1B2', 20), 'pdl_sdbx_missing'),
  ('perplexity', 'pplx-', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'pplx-api is down'),
  ('pinecone', 'pcsk_', '[\w-]{12,}', repeat('a1B2', 20), 'pcsk_ is missing'),
  ('plaid_development', 'access-development-', '[0-9a-f-]{36}', '0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f', 'access-development-denied'),
  ('plaid_production', 'access-production-', '[0-9a-f-]{36}', '0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f', 'access-production-denied'),
  ('plaid_sandbox', 'access-sandbox-', '[0-9a-f-]{36}', '0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f', 'access-sandbox-mode'),
  ('planetscale_oauth', 'pscale_oauth_', '[\w.-]{20,}', repeat('a1B2', 20), 'pscale_oauth_missing'),
  ('planetscale_password', 'pscale_pw_', '[\w.-]{20,}', repeat('a1B2', 20), 'pscale_pw_missing'),
  ('planetscale_token', 'pscale_tkn_', '[\w.-]{20,}', repeat('a1B2', 20), 'pscale_tkn_missing'),
  ('polar', 'polar_', '(?:oat|pat|cst|whs)_[A-Za-z0-9]{12,}', 'oat_' || repeat('a1B2', 20), 'polar_oat_missing'),
  ('posthog_personal', 'phx_', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'phx_gen_socket'),
  ('posthog_secure', 'phs_', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'phs_missing'),
  ('postman', 'PMAK-', '[0-9a-f]{24}-[0-9a-f]{24,}', repeat('0a1b', 6) || '-' || repeat('0a1b', 9), 'PMAK-missing'),
  ('prefect_service', 'pnb_', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'pnb_missing'),
  ('prefect_user', 'pnu_', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'pnu_missing'),
  ('pulumi', 'pul-', '[0-9a-f]{16,}', repeat('0a1b', 20), 'pul-request-14'),
  ('razorpay_live', 'rzp_live_', '[A-Za-z0-9]{12,}', repeat('a1B2', 20), 'rzp_live_mode'),
  ('razorpay_test', 'rzp_test_', '[A-Za-z0-9]{12,}', repeat('a1B2', 20), 'rzp_test_mode'),
  ('readme', 'rdme_', '[a-z0-9]{20,}', repeat('0a1b', 20), 'rdme_export'),
  ('render', 'rnd_', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'rnd_generator_of_the_module'),
  ('replicate', 'r8_', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'r8_minify_release_of_the_app'),
  ('resend', 're_', '[A-Za-z0-9]{8}_[A-Za-z0-9]{16,}', repeat('a1', 4) || '_' || repeat('a1B2', 6), 're_export_of_symbol_from_another_module'),
  ('rubygems', 'rubygems_', '[0-9a-f]{16,}', repeat('0a1b', 20), 'rubygems_mirror_is_down'),
  ('runpod', 'rpa_', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'rpa_missing'),
  ('scalingo', 'tk-us-', '[\w-]{12,}', repeat('a1B2', 20), 'tk-us-east'),
  ('shippo_live', 'shippo_live_', '[0-9a-f]{16,}', repeat('0a1b', 20), 'shippo_live_mode'),
  ('shippo_test', 'shippo_test_', '[0-9a-f]{16,}', repeat('0a1b', 20), 'shippo_test_mode'),
  ('sk_hexadecimal', 'sk_', '[0-9a-f]{16,}', repeat('0a1b', 20), 'sk_buff_allocation_failed_in_driver'),
  ('snyk', 'snyk_uat.', '[\w.-]{20,}', repeat('a1B2', 20), 'snyk_uat.json'),
  ('sonarqube_analysis', 'sqa_', '[0-9a-f]{16,}', repeat('0a1b', 20), 'sqa_missing'),
  ('sonarqube_project', 'sqp_', '[0-9a-f]{16,}', repeat('0a1b', 20), 'sqp_missing'),
  ('sonarqube_user', 'squ_', '[0-9a-f]{16,}', repeat('0a1b', 20), 'squ_missing'),
  ('sourcegraph', 'sgp_', '[\w-]{12,}', repeat('0a1b', 20), 'sgp_local'),
  ('square_access', 'sq0atp-', '[\w-]{12,}', repeat('a1B2', 20), 'sq0atp-missing'),
  ('square_secret', 'sq0csp-', '[\w-]{12,}', repeat('a1B2', 20), 'sq0csp-missing'),
  ('stytch_live', 'secret-live-', '[\w-]{12,}', repeat('a1B2', 20), 'secret-live-no'),
  ('stytch_test', 'secret-test-', '[\w-]{12,}', repeat('a1B2', 20), 'secret-test-no'),
  ('tailscale', 'tskey-', '[\w-]{12,}', repeat('a1B2', 20), 'tskey-missing'),
  ('tavily', 'tvly-', '[\w-]{12,}', repeat('a1B2', 20), 'tvly-missing'),
  ('telnyx', 'KEY0', '[0-9A-Za-z]{16,}_[\w-]{12,}', repeat('a1B2', 8) || '_' || repeat('a1B2', 6), 'KEY0 is pressed'),
  ('together', 'tgp_v1_', '[\w-]{12,}', repeat('a1B2', 20), 'tgp_v1_missing'),
  ('trigger_dev', 'tr_prod_', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'tr_prod_queue_of_all_long_tasks'),
  ('twitter_bearer', 'AAAAAAAAAAAAAAAAAAAAA', '[A-Za-z0-9%]{32,}', repeat('a1B2', 20), 'AAAAAAAAAAAAAAAAAAAAA='),
  ('typeform', 'tfp_', '[\w-]{12,}', repeat('a1B2', 20), 'tfp_missing'),
  ('unkey', 'unkey_', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'unkey_missing'),
  ('vault_batch', 'hvb.', '[\w-]{12,}', repeat('a1B2', 20), 'hvb.length'),
  ('vault_recovery', 'hvr.', '[\w-]{12,}', repeat('a1B2', 20), 'hvr.length'),
  ('vercel_blob', 'vercel_blob_rw_', '[A-Za-z0-9]{12,}_[A-Za-z0-9]{16,}', repeat('a1B2', 4) || '_' || repeat('a1B2', 8), 'vercel_blob_rw_token'),
  ('vercel_gateway', 'vck_', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'vck_missing'),
  ('vercel_personal', 'vcp_', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'vcp_missing'),
  ('webhook_microsoft', 'webhook.office.com/', '[\w/@.%-]{16,}', 'webhookb2/' || repeat('a1B2', 20), 'webhook.office.com/ is down'),
  ('webhook_microsoft_old', 'outlook.office.com/webhook/', '[\w/@.%-]{16,}', repeat('a1B2', 20), 'outlook.office.com/webhook/ is down'),
  ('webhook_zapier', 'hooks.zapier.com/hooks/', '[\w/-]{12,}', 'catch/' || repeat('a1B2', 20), 'hooks.zapier.com/hooks/ is down'),
  ('xai', 'xai-', '[A-Za-z0-9]{16,}', repeat('a1B2', 20), 'xai-grok'),
  ('yandex_api_key', 'AQVN', '[\w-]{12,}', repeat('a1B2', 20), 'AQVN is missing'),
  ('yandex_iam', 't1.', '[\w-]{20,}={0,2}\.[\w-]{40,}={0,2}', repeat('a1B2', 8) || '.' || repeat('a1B2', 20), 't1.micro'),
  ('yandex_oauth', 'y0_', '[\w-]{12,}', repeat('a1B2', 20), 'y0_offset'),
  ('yandex_storage', 'YCAJ', '[\w-]{12,}', repeat('a1B2', 20), 'YCAJ is missing'),
  ('yandex_storage_secret', 'YCM', '[\w-]{12,}', repeat('a1B2', 20), 'YCM is missing'),
  ('zuplo', 'zpka_', '[\w-]{12,}', repeat('a1B2', 20), 'zpka_missing')
$$;

comment on function monitoring.list_secret_formats_p_to_z() is
'Returns the built-in formats from the letter P. The example of a format is prefix and rest.';

create function monitoring.seed_secret_formats()
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform set_config('monitoring.installs_formats', 'yes', true);
  insert into monitoring.secret_formats as known (name, prefix, body, origin, example, counterexample)
  select listed.name, listed.prefix, listed.body, 'builtin', listed.prefix || listed.rest, listed.counterexample
  from (
    select * from monitoring.list_secret_formats_a_to_f()
    union all
    select * from monitoring.list_secret_formats_g_to_o()
    union all
    select * from monitoring.list_secret_formats_p_to_z()
  ) as listed
  on conflict (name) do update
  set
    prefix = excluded.prefix,
    body = excluded.body,
    example = excluded.example,
    counterexample = excluded.counterexample
  where known.origin = 'builtin'
    and (known.prefix, known.body, known.example, known.counterexample)
    is distinct from (excluded.prefix, excluded.body, excluded.example, excluded.counterexample);
  perform set_config('monitoring.installs_formats', '', true);
end
$$;

comment on function monitoring.seed_secret_formats() is
'Inserts the built-in formats that are missing, and brings the others up to date. The operator''s rows stay, and a
format that was switched off stays off.';
