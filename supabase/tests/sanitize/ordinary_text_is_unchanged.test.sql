-- No false positives: statements about secrets are not secrets, and identifiers are needed to find the cause.

begin;

select plan(1);

select is_empty(
  $$
    select sample.body, monitoring.sanitize_text(sample.body, 4096)
    from (
      values
      ('password authentication failed for user "app"'),
      ('const token = getToken(); new Client({ apiKey: process.env.API_KEY });'), ('password = var.db_password'),
      ('SECRET_KEY = os.environ["SECRET_KEY"]; token := r.Header.Get("X-Api-Token")'),
      ('$password = $request->input(''password''); let secret = std::env::var("APP_SECRET");'),
      ('PASSWORD="${DB_PASSWORD:?must be set}"'), ('references non-existent secret key: tls.key'),
      ('{"propertyPath":"plainPassword","code":"9ff3fdc4-b214-49db-8718-39c315e33d45"}'),
      ('{"errors":{"password":["The password field is required."],"token":["This password is too common."]}}'),
      ('{"password":"Password must contain at least 8 character(s)"}'), ('{"factorType":"token:software:totp"}'),
      ('NPM_TOKEN: ${{ secrets.NPM_TOKEN }} is empty, password=${DB_PASSWORD} token: {{ .Values.token }}'),
      ('expected "Authorization: Bearer <token>", password=%(password)s'), ('tenant_access_token: code 99991663'),
      ('Invalid password'), ('token expired'), ('secret not found'), ('bearer authentication failed'),
      ('invalid bearer token.'), ('Basic authentication is required'), ('Invalid API key'), ('missing --token option'),
      ('password: must be at least 8 characters'), ('password: Required'), ('"password": null, secret=undefined'),
      ('User validation failed: password: Path `password` (`ab`) is shorter than the minimum'),
      ('Unexpected token < in JSON at position 0'), ('Unexpected token: <'), ('Unexpected token ''}'''),
      ('token => token.trim()'), ('if (token === null)'), ('Token::Expired'), ('max_tokens: 4096, tokens=12'),
      ('primary_key=42 sort_key: name'), ('PWD=/home/app ; USER=root'), ('compass=north bypass: true'),
      ('TypeError: x is not a function'), ('    at render (/app/src/index.tsx:10:20)'),
      ('550e8400-e29b-41d4-a716-446655440000'), ('da39a3ee5e6b4b0d3255bfef95601890afd80709'),
      ('2026-11-23T18:31:10.123456Z 1700000000000'), ('connect ECONNREFUSED 10.0.0.1:5432'),
      ('-----BEGIN CERTIFICATE-----'), ('task-runner desk-lamp sk-icon'), ('密码错误 🙂'), ('"":{}[]\\'),
      ('author=x authorize: y'), ('Authorization: required'), ('Cookie: blocked by policy'),
      ('npm_lifecycle_event=build npm_config_cache=/tmp'), ('hf_transfer not installed'),
      ('task-queue sk-worker-12345678 stopped'), ('/search?key=name'), ('tests pass=3'), ('token=IDENT at line 4'),
      ('Basic AuthHandler failed'), ('forgot_password: 3 attempts'), ('const { password: pw } = req.body'),
      (e'Invalid token:\n    at parse (/app/a.js:1:2)'), ('fetch(x, {credentials: ''include''})'), ('a[''token''] === 1')
    ) as sample (body)
    where monitoring.sanitize_text(sample.body, 4096) <> sample.body
  $$,
  'ordinary messages are unchanged'
);

select * from finish();

rollback;
