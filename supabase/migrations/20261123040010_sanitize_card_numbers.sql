-- Purpose: finds payment card numbers in a text without hiding other numbers.
-- Objects: functions monitoring.passes_luhn, monitoring.is_hex_word, monitoring.last_word,
--   monitoring.redact_digit_run, monitoring.redact_card_numbers.
-- Risks: one number in ten passes the Luhn check by chance, so an order number of 13 to 19 digits can be hidden.
--   Uses 2 of the 32 regular expressions that a backend caches.

create function monitoring.passes_luhn(digits text)
returns boolean
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  -- Leading zeros add nothing to the sum, so every number can be checked as one of 20 digits.
  v_digits text collate "C" := lpad(passes_luhn.digits, 20, '0');
  v_plain bytea := convert_to(v_digits, 'UTF8');
  v_doubled bytea := convert_to(translate(v_digits, '0123456789', '0246813579'), 'UTF8');
begin
  return (
    get_byte(v_doubled, 0) + get_byte(v_plain, 1) + get_byte(v_doubled, 2) + get_byte(v_plain, 3)
    + get_byte(v_doubled, 4) + get_byte(v_plain, 5) + get_byte(v_doubled, 6) + get_byte(v_plain, 7)
    + get_byte(v_doubled, 8) + get_byte(v_plain, 9) + get_byte(v_doubled, 10) + get_byte(v_plain, 11)
    + get_byte(v_doubled, 12) + get_byte(v_plain, 13) + get_byte(v_doubled, 14) + get_byte(v_plain, 15)
    + get_byte(v_doubled, 16) + get_byte(v_plain, 17) + get_byte(v_doubled, 18) + get_byte(v_plain, 19)
    - 20 * ascii('0')
  ) % 10 = 0;
end
$$;

comment on function monitoring.passes_luhn(text) is
'Returns whether up to 20 ASCII digits pass the Luhn check. Unrolled, because a loop costs much more.';

create function monitoring.is_hex_word(word text)
returns boolean
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  select word <> '' and (word in ('0x', '0X') or ltrim(word, '0123456789abcdefABCDEF') = '')
$$;

comment on function monitoring.is_hex_word(text) is
'Returns whether the word next to a number shows that the number is part of a hash or a memory address.';

create function monitoring.last_word(value text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_alphanumeric constant text := '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
  v_end text := right(last_word.value, 64);
  v_rest text := rtrim(v_end, c_alphanumeric);
  v_word text := substr(v_end, length(v_rest) + 1);
begin
  -- %3D and \u003d are escapes, not letters.
  return case
    when right(v_rest, 1) = '%' then substr(v_word, 3)
    when right(v_rest, 1) = '\' and left(v_word, 1) = 'u' then substr(v_word, 6)
    when right(v_rest, 1) = '\' then substr(v_word, 2)
    else v_word
  end;
end
$$;

comment on function monitoring.last_word(text) is
'Returns the letters and digits at the end of a text, at most 64, without a preceding escape sequence.';

create function monitoring.redact_digit_run(run text, word_before text, word_after text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_most_checks constant integer := 500;
  -- One space per byte, so that positions in the groups match positions in the run.
  v_groups text[] := string_to_array(
    translate(replace(redact_digit_run.run, e'\u00a0', '  '), e'-._\t\x02', '     '), ' '
  );
  v_count integer := cardinality(v_groups);
  v_run bytea := convert_to(redact_digit_run.run, 'UTF8'); -- slicing bytes takes constant time
  v_result bytea := ''::bytea;
  v_start integer := 1; -- position of the current group in the run
  v_copied integer := 1; -- first byte that is not in the result yet
  v_checks integer := 0;
  v_index integer := 1;
  v_next integer;
  v_digits text collate "C";
  v_card_length integer;
  v_length integer;
  v_separator integer;       -- the byte before a group
begin
  while v_index <= v_count loop
    v_card_length := 0;
    v_next := v_index;
    v_digits := v_groups[v_index];
    v_separator := case when v_start > 1 then get_byte(v_run, v_start - 2) else 0 end;
    -- A card number starts with a group of four digits, or is one group. Dates and Unix times start with digits that
    -- no card number has. A letter of a hash or a decimal point excludes only the group that it touches.
    if length(v_digits) in (4, 13, 14, 15, 16, 17, 18, 19)
      and not (v_index = 1 and monitoring.is_hex_word(redact_digit_run.word_before))
      and not (v_separator = ascii('.') and v_index > 1 and v_groups[v_index - 1] <> '')
      and not (left(v_digits, 2) in ('19', '20') and substr(v_digits, 5, 2) <= '12')
      and not (length(v_digits) in (13, 16, 19) and left(v_digits, 2) between '14' and '19') then
      v_length := length(v_digits);
      loop
        if length(v_digits) between 13 and 19
          and v_groups[v_next] <> ''
          and not (v_next = v_count and monitoring.is_hex_word(redact_digit_run.word_after)) then
          v_checks := v_checks + 1;
          -- Beyond the limit, digits are redacted without a check, to limit the cost.
          if v_checks > c_most_checks or monitoring.passes_luhn(v_digits) then
            v_card_length := v_length;
          end if;
        end if;
        v_next := v_next + 1;
        exit when v_next > v_count or length(v_groups[v_next]) > 7;
        exit when v_groups[v_next] = '' and v_groups[v_next - 1] = ''; -- at most two spaces
        v_separator := get_byte(v_run, v_start + v_length - 1);
        -- Points and underscores also join versions, measurements and ids: here only equal groups of four are a card
        -- number.
        exit when v_separator in (ascii('.'), ascii('_')) and (
          length(v_groups[v_next]) <> 4 or v_length % 5 <> 4
          or (v_length > 4 and get_byte(v_run, v_start + v_length - 6) <> v_separator)
        );
        v_digits := v_digits || v_groups[v_next];
        v_length := v_length + 1 + length(v_groups[v_next]);
        exit when length(v_digits) > 19;
      end loop;
    end if;
    if v_card_length > 0 then
      v_result := v_result || substring(v_run from v_copied for v_start - v_copied) || '[redacted]';
      v_copied := v_start + v_card_length;
    end if;
    loop
      v_start := v_start + length(v_groups[v_index]) + 1;
      v_index := v_index + 1;
      exit when v_start > v_copied;
    end loop;
  end loop;
  return convert_from(v_result || substring(v_run from v_copied), 'UTF8');
end
$$;

comment on function monitoring.redact_digit_run(text, text, text) is
'Replaces card numbers by [redacted] in a run of digits separated by spaces, dashes, points or underscores. Other
digits stay, as do the first and the last group when the adjacent word makes them part of a hash.';

create function monitoring.redact_card_numbers(value text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_most_runs constant integer := 300;
  c_alphanumeric constant text := '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
  c_run constant text := '[0-9](?:[ \t._\u00a0\x02-]*[0-9]){12,}';
  -- An encoded space is replaced by a mark of one byte meanwhile.
  v_text text collate "C" := replace(redact_card_numbers.value, '%20', e'\x02');
  v_between text[] := regexp_split_to_array(v_text, c_run);
begin
  if cardinality(v_between) = 1 then
    return redact_card_numbers.value;
  end if;
  return (
    select replace(string_agg(
      piece.before || case
        when piece.run is null then ''
        -- Nearly all runs: no group of digits is as long as the first one of a card number.
        when escaped.digits = '' and not piece.run ~ '(?<![0-9])(?:[0-9]{4}(?![0-9])|[0-9]{13})' then piece.run
        -- Beyond the limit nothing is checked: runs that start like a payment card are redacted.
        when piece.nth > c_most_runs and left(escaped.run, 1) between '2' and '6' then escaped.digits || '[redacted]'
        when piece.nth > c_most_runs then piece.run
        else escaped.digits || monitoring.redact_digit_run(
          escaped.run,
          case when escaped.digits = '' then monitoring.last_word(piece.before) else '' end,
          substr(
            left(piece.after, 64),
            1, length(left(piece.after, 64)) - length(ltrim(left(piece.after, 64), c_alphanumeric))
          )
        )
      end, '' order by piece.nth
    ), e'\x02', '%20')
    from (
      select split.before, split.run, split.nth, lead(split.before) over (order by split.nth) as after
      from unnest(v_between, array(select found.run[1] from regexp_matches(v_text, c_run, 'g') as found (run)))
        with ordinality as split (before, run, nth)
    ) as piece
    cross join lateral (
      select case
        when right(piece.before, 1) = '%' then 2
        when right(piece.before, 2) = '\u' then 4
        else 0
      end
    ) as escape (length)
    cross join lateral (
      select left(piece.run, escape.length), substr(piece.run, escape.length + 1)
    ) as escaped (digits, run)
  );
end
$$;

comment on function monitoring.redact_card_numbers(text) is
'Replaces numbers of 13 to 19 digits that pass the Luhn check by [redacted]. Order numbers, hashes, fractions and
timestamps stay.';
