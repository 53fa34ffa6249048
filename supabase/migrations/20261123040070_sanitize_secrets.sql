-- Purpose: removes secrets, personal data and control characters from a text.
-- Objects: functions monitoring.strip_controls, monitoring.redact_private_keys, monitoring.redact_secrets_once,
--   monitoring.redact_secrets.
-- Risks: uses 5 of the 32 regular expressions that a backend caches. Matching is in collation "C", where only ASCII
--   letters are letters. In a pattern with (x), blanks are ignored and # begins a comment.

create function monitoring.strip_controls(value text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_text text collate "C" := strip_controls.value;
begin
  if strpos(v_text, e'\r') > 0 then
    v_text := replace(replace(v_text, e'\r\n', e'\n'), e'\r', e'\n');
  end if;
  return regexp_replace(v_text, $pattern$(?x)
    (?:
      (?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]                       # colors, cursor
      | \x1b[\]PX^_][^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?  # titles, hyperlinks, device strings
      | \x1b[ -/]*[0-~]                                      # character sets, modes
      | [\x01-\x08\x0b-\x1f\x7f-\x9f]
    )+
  $pattern$, '', 'g');
end
$$;

comment on function monitoring.strip_controls(text) is
'Removes terminal escape sequences and control characters except tab and newline, and converts line ends to newlines.
Characters that set the direction of text stay.';

create function monitoring.redact_private_keys(value text)
returns text
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  -- One piece per BEGIN line, so that the cost is linear in the length of the text. A key without an end also removes
  -- the text after it that could still be part of the key.
  select string_agg(
    case
      when piece.nth = 1 and strpos(piece.body, '-----END') > 0 and left(ending.body, 60) like '%PRIVATE KEY-----%' then
        rtrim(left(piece.body, strpos(piece.body, '-----END') - 1), e'\n\\+/=' || c_alphanumeric.set)
        || '[redacted]' || substr(ending.body, strpos(ending.body, 'PRIVATE KEY-----') + 16)
      when piece.nth = 1 then piece.body
      when left(piece.body, 60) not like '%PRIVATE KEY%' then '-----BEGIN' || piece.body
      when ending.body like '%-----%' then '[redacted]' || substr(ending.body, strpos(ending.body, '-----') + 5)
      else '[redacted]' || ltrim(
        case when ending.body = '' then substr(piece.body, strpos(piece.body, 'PRIVATE KEY')) else ending.body end,
        e' \n\t\\-+/=:,' || c_alphanumeric.set
      )
    end, '' order by piece.nth
  )
  from unnest(string_to_array(redact_private_keys.value, '-----BEGIN')) with ordinality as piece (body, nth)
  cross join (
    values ('0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ')
  ) as c_alphanumeric (set)
  cross join lateral (
    select
      case when strpos(piece.body, '-----END') > 0 then substr(piece.body, strpos(piece.body, '-----END') + 8) else '' end
  ) as ending (body)
$$;

comment on function monitoring.redact_private_keys(text) is
'Replaces PEM blocks of private keys by [redacted], complete or truncated, with real or escaped line ends.
Certificates stay.';

create function monitoring.redact_secrets_once(
  value text, may_contain_secrets boolean, out redacted text, out is_final boolean
)
language plpgsql
stable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_text text collate "C" := monitoring.strip_controls(redact_secrets_once.value);
  -- The beginning of an account number (IBAN), and 13 digits.
  c_numbers constant text := '[A-Z][0-9]{2}(?:[ +\u00a0-]|%20)?[A-Z0-9]{4}|[0-9](?:(?:[ \t._\u00a0-]|%20)*[0-9]){12}';
  v_has_numbers boolean;
  v_may_contain_secrets boolean;
  v_has_addresses boolean;
  v_before text collate "C" := ''; -- what precedes and what follows the words with an @
  v_after text collate "C" := '';
begin
  if strpos(v_text, 'Private-Lines: ') > 0 then
    v_text := regexp_replace(v_text, '(Private-Lines: [0-9]+\n)(?:[A-Za-z0-9+/=]+(?:\n|$))+', e'\\1[redacted]\n', 'g');
  end if;
  if strpos(v_text, 'PRIVATE KEY') > 0 then
    v_text := monitoring.redact_private_keys(v_text);
  end if;
  if (v_text like '%:%@%' or v_text like '%/%@//%')
    and v_text like any(array[
      '%://%@%', '%:\\/%@%', '%:%@tcp(%', '%:%@unix(%', '%:%@/%', '%/%@//%', '%thin:%/%@%'
    ])
  then
    -- The user name stays, the password is redacted. The user name is redacted too when it is the key of a Sentry DSN
    -- or a token. A password may contain a slash, but "host:3000/@scope" is a port and a path.
    v_text := regexp_replace(v_text, $pattern$(?x)
      (:(?:\\?/){2}) [0-9a-f]{32,} (?: : [^\s/@"'<>\\]* )? @
      | (:(?:\\?/){2}[^\s/?\#:@"'<>\\\[]*:)
        (?![0-9]{1,5}[/?\#]|/)
        (?:
          (?:[^\s/"'<>\\]|["'<>]\w|"(?=@)|\\[^\s"'\\nrt])+ (?:@[^\s"'<>\\@:?.]*/[^\s"'<>\\@:?]*)?
          | (?:[^\s@"'<>\\]|["'<>]\w)+
        ) @
      # A directory's user in front, a number and a slash in the password of a database, data source names without a scheme.
      | (:(?:\\?/){2}[^\s/?\#:@"'<>\\\[]+@[^\s/?\#:@"'<>\\\[]+:) (?![0-9]{1,5}[/?\#]) [^\s/@"'<>\\]+ @
      | ((?:sql|gres|godb|redis|amqp)s?:(?:\\?/){2}[^\s/?\#:@"'<>\\\[]*:) [0-9]+/[^\s/@"'<>\\]* @ (?=[\w.-]+[:/])
      | ((?<![\w.:/-])[\w.-]+:) [^\s/:@"'<>\\]+ @ (?=(?:tcp|unix)\(|/\w)
      | ((?<![\w.:/-])\w+/) [^\s/:@"'<>\\]+ @ (?=//\w)
      | (thin:\w+/) [^\s/:@"'<>\\]+ @
    $pattern$, '\1\2\3\4\5\6\7[redacted]@', 'g');
  end if;
  -- One test for two kinds of numbers, as most texts have neither.
  v_has_numbers := v_text ~ c_numbers;
  if v_has_numbers then
    v_text := monitoring.redact_account_numbers(v_text);
  end if;
  v_may_contain_secrets := redact_secrets_once.may_contain_secrets and monitoring.may_contain_secrets(v_text);
  if v_may_contain_secrets then
    v_text := monitoring.redact_keyed_values(v_text);
  end if;
  v_text := monitoring.redact_tokens(v_text);
  -- Of a text in which nothing but e-mail addresses is redacted, another pass would redact nothing: what surrounds an
  -- address is no letter or digit, so no word comes into being.
  is_final := not v_may_contain_secrets and v_text = redact_secrets_once.value and strpos(v_text, 'PRIVATE KEY') = 0;
  v_has_addresses := strpos(v_text, '%40') > 0;
  if not v_has_addresses and strpos(v_text, '@') > 0 then
    v_has_addresses := true;
    -- An address has no spaces, and what has no @ need not be searched.
    v_before := split_part(v_text, '@', 1);
    v_before := left(v_before, -length(split_part(v_before, ' ', -1)));
    v_after := split_part(v_text, '@', -1);
    v_after := substr(v_after, 1 + length(split_part(v_after, ' ', 1)));
    v_text := substr(v_text, 1 + length(v_before), length(v_text) - length(v_before) - length(v_after));
  end if;
  if v_has_addresses then
    -- User names in URLs stay, and so do user@host:path/file (scp, git) and file names such as logo@2x.png or
    -- getty@tty1.service.
    v_text := replace(v_text, '://', e'://\x02');
    v_text := regexp_replace(v_text, $pattern$(?x)
      (?<![A-Za-z0-9_.+%\x02-])
      (?:[^\s\x01-\x2a,/:-@\[-^`{-\x7f]|\w'(?=\w))+ (?:@|%40)
      (?![\w.-]*\.(?:png|jpe?g|gif|svg|webp|avif|js|mjs|cjs|ts|tsx|css|map|service)(?![\w-]))
      [^\s\x01-\x2c/:-@\[-`{-\x7f]+ \. (?:[A-Za-z]{2,}|xn--[A-Za-z0-9-]+)
      (?!\.?[\w-]|:[/~]|:[\w.-]+/)
    $pattern$, '[redacted]', 'g');
    v_text := v_before || replace(v_text, e'\x02', '') || v_after;
  end if;
  redacted := case when v_has_numbers then monitoring.redact_card_numbers(v_text) else v_text end;
  is_final := is_final and redacted = v_text and strpos(v_text, '@') = 0 and strpos(v_text, '%40') = 0;
end
$$;

comment on function monitoring.redact_secrets_once(text, boolean) is
'Runs one pass of redact_secrets(). is_final says that another pass is known to change nothing.';

create function monitoring.redact_secrets(value text, may_contain_secrets boolean default true)
returns text
language plpgsql
stable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_most_passes constant integer := 8;
  v_before text := redact_secrets.value;
  v_pass record := monitoring.redact_secrets_once(v_before, redact_secrets.may_contain_secrets);
  v_after text := v_pass.redacted;
begin
  -- A secret can be adjacent to another one, or be percent-encoded in a nested URL, so passes repeat until nothing
  -- changes. Text without secrets needs one pass.
  for v_nth in 2..c_most_passes loop
    if v_pass.is_final or v_after = v_before then
      exit when strpos(v_after, '%') = 0 and strpos(v_after, '\u00') = 0 and strpos(v_after, '&') = 0;
      v_before := monitoring.decode_escapes(v_after);
      exit when v_before = v_after;
      v_pass := monitoring.redact_secrets_once(v_before, true);
      exit when v_pass.redacted = v_before;
      v_after := v_pass.redacted;
    end if;
    v_before := v_after;
    v_pass := monitoring.redact_secrets_once(v_before, true);
    v_after := v_pass.redacted;
  end loop;
  return v_after;
end
$$;

comment on function monitoring.redact_secrets(text, boolean) is
'Replaces secrets and personal data in a text by [redacted] and removes control characters. Other text stays, except
that escapes around a secret are decoded. Idempotent. may_contain_secrets may be false where the function of that name
is known to return false for the text: it need not be called again.';
