-- Purpose: finds international bank account numbers (IBAN) in a text without hiding other words.
-- Objects: functions monitoring.passes_mod97, monitoring.redact_account_number, monitoring.redact_account_numbers.
-- Risks: a word is hidden only if its country, its length and its checksum are those of an account. Uses 3 of the 32
--   regular expressions that a backend caches.

create function monitoring.passes_mod97(account text)
returns boolean
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  -- The first four characters go to the end, and letters become two digits: A is 10, Z is 35.
  select string_agg(
    case when digit.symbol between '0' and '9' then digit.symbol else (ascii(digit.symbol) - 55)::text end, ''
    order by digit.place
  )::numeric % 97 = 1
  from unnest(string_to_array(substr(account, 5) || left(account, 4), null)) with ordinality as digit (symbol, place)
$$;

comment on function monitoring.passes_mod97(text) is
'Returns whether digits and capital letters of ASCII pass the checksum of ISO 13616 (IBAN).';

create function monitoring.redact_account_number(run text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  -- Countries and the lengths of their account numbers.
  c_lengths constant text := 'NO15 BE16 DK18 FI18 FO18 GL18 NL18 SD18 MK19 SI19 AT20 BA20 EE20 KZ20 LT20 LU20 XK20 CH21 '
    || 'HR21 LI21 LV21 BG22 BH22 CR22 DE22 GB22 GE22 IE22 ME22 RS22 VA22 AE23 GI23 IL23 IQ23 TL23 AD24 CZ24 ES24 MD24 '
    || 'PK24 RO24 SA24 SE24 SK24 TN24 VG24 LY25 PT25 IS26 TR26 FR27 GR27 IT27 MC27 MR27 SM27 AL28 AZ28 BY28 CY28 DO28 '
    || 'GT28 HU28 LB28 PL28 SV28 BR29 EG29 PS29 QA29 UA29 JO30 KW30 MU30 MT31 SC31 LC32 ';
  c_separators constant text := e' +-\u00a0\x02';
  v_place integer := strpos(c_lengths, left(redact_account_number.run, 2));
  v_account text := translate(redact_account_number.run, c_separators, '');
  v_length integer := 0; -- of the account in the run, with separators
  v_rest integer;        -- letters and digits of the account that are not counted yet
begin
  if v_place % 5 = 1 then
    v_rest := substr(c_lengths, v_place + 2, 2)::integer;
    if length(v_account) >= v_rest and monitoring.passes_mod97(left(v_account, v_rest)) then
      while v_rest > 0 loop
        v_length := v_length + 1;
        v_rest := v_rest - (strpos(c_separators, substr(redact_account_number.run, v_length, 1)) = 0)::integer;
      end loop;
      -- A longer word is no account.
      if substr(redact_account_number.run, v_length + 1, 1) = ''
        or strpos(c_separators, substr(redact_account_number.run, v_length + 1, 1)) > 0 then
        return '[redacted]' || substr(redact_account_number.run, v_length + 1);
      end if;
    end if;
  end if;
  -- A word before it can look like the beginning of an account.
  v_length := regexp_instr(substr(redact_account_number.run, 5), '(?<![A-Z0-9])[A-Z]{2}[0-9]{2}');
  if v_length = 0 then
    return redact_account_number.run;
  end if;
  return left(redact_account_number.run, v_length + 3)
    || monitoring.redact_account_number(substr(redact_account_number.run, v_length + 4));
end
$$;

comment on function monitoring.redact_account_number(text) is
'Replaces the first account number in a run of capital letters, digits and separators by [redacted].';

create function monitoring.redact_account_numbers(value text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_most_runs constant integer := 50;
  c_run constant text := '(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}[A-Z0-9 +\u00a0\x02-]{11,48}';
  v_text text collate "C" := redact_account_numbers.value;
  v_between text[];
begin
  if not v_text ~ '[A-Z][0-9]{2}(?:[ +\u00a0-]|%20)?[A-Z0-9]{4}' then
    return redact_account_numbers.value;
  end if;
  v_text := replace(v_text, '%20', e'\x02'); -- a mark of one byte, meanwhile
  v_between := regexp_split_to_array(v_text, c_run);
  if cardinality(v_between) = 1 then
    return redact_account_numbers.value;
  end if;
  return (
    select replace(string_agg(
      piece.before || case
        when piece.run is null then ''
        when piece.nth > c_most_runs then '[redacted]' -- nothing is checked beyond the limit
        else monitoring.redact_account_number(piece.run)
      end, '' order by piece.nth
    ), e'\x02', '%20')
    from unnest(v_between, array(select found.run[1] from regexp_matches(v_text, c_run, 'g') as found (run)))
      with ordinality as piece (before, run, nth)
  );
end
$$;

comment on function monitoring.redact_account_numbers(text) is
'Replaces international bank account numbers by [redacted], with and without spaces. Other words stay.';
