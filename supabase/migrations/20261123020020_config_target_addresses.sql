-- Purpose: decides whether the host of a URL is on the public internet, so that a health check cannot reach a
--   private network.
-- Objects: functions monitoring.find_url_host, monitoring.read_ipv4, monitoring.is_private_host.
-- Risks: names are not resolved: a public name may still resolve to a private address, and pg_net follows redirects.

create function monitoring.find_url_host(url text)
returns text
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  select case
    when split.parts[3]::integer > 65535 then null
    else rtrim(lower(coalesce(split.parts[1], split.parts[2])), '.')
  end
  from (
    select regexp_match(
      find_url_host.url, '^https?://(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::([0-9]{1,5}))?(?:[/?#]|$)'
    ) as parts
  ) as split
$$;

comment on function monitoring.find_url_host(text) is
'Returns the host of an http or https URL in lower case, an IPv6 address without brackets. Null when the host is
neither a plain ASCII name nor an address, because libcurl decodes and converts other spellings.';

create function monitoring.read_ipv4(host text)
returns inet
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  with labels as (
    select
      parts.position,
      parts.position = count(*) over () as is_last,
      count(*) over () as size,
      case
        when parts.label ~ '^0x0*[0-9a-f]{0,8}$'
          then ('x' || lpad(ltrim(substr(parts.label, 3), '0'), 16, '0'))::bit(64)::bigint
        when parts.label ~ '^0+[0-7]{0,11}$' then (
          select coalesce(sum(digits.digit::bigint << (3 * (digits.place - 1))::integer), 0)::bigint
          from string_to_table(reverse(ltrim(parts.label, '0')), null) with ordinality as digits (digit, place)
        )
        when parts.label ~ '^[1-9][0-9]{0,9}$' then parts.label::bigint
      end as value
    from string_to_table(read_ipv4.host, '.') with ordinality as parts (label, position)
  )

  select case
    when max(labels.size) <= 4
      and bool_and(
        labels.value is not null
        and labels.value < case when labels.is_last then 256::bigint ^ (5 - labels.size) else 256 end
      )
      then '0.0.0.0'::inet + sum(
        labels.value * (256::bigint ^ case when labels.is_last then 0 else 4 - labels.position end)::bigint
      )::bigint
  end
  from labels
$$;

comment on function monitoring.read_ipv4(text) is
'Returns the IPv4 address that a host spells in one of the forms of inet_aton: 1 to 4 parts, each decimal, octal or
hexadecimal. Null when the host is none.';

create function monitoring.is_private_host(host text)
returns boolean
language sql
immutable
strict
security invoker
set search_path = ''
as $$
  select case
    when position(':' in is_private_host.host) > 0
      then not monitoring.is_valid_input(is_private_host.host, 'inet') or exists (
        select
        from unnest(array[
          '::/96', '::ffff:0:0/96', '::ffff:0:0:0/96', '64:ff9b::/32', '2001::/32',
          '2002::/16', 'fc00::/7', 'fe80::/9', 'ff00::/8'
        ]) as networks (network)
        where is_private_host.host::inet <<= networks.network::inet
      )
    -- A name without a dot, or with one of these endings, is resolved in the private network only.
    when is_private_host.host !~ '(^|\.)(0x[^.]*|[0-9]+)$'
      then is_private_host.host !~ '\.'
        or is_private_host.host ~ (
          '\.(arpa|consul|corp|docker|domain|home|internal|intranet|lan|local|localdomain[46]?|localhost|private'
          || '|svc|workgroup)$'
        )
    when monitoring.read_ipv4(is_private_host.host) is not null
      then exists (
        select
        from unnest(array[
          '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24',
          '192.168.0.0/16', '198.18.0.0/15', '224.0.0.0/3',
          '168.63.129.16/32' -- platform address of Azure
        ]) as networks (network)
        where monitoring.read_ipv4(is_private_host.host) <<= networks.network::inet
      )
    -- A last label that begins like a number is a malformed address, not a name.
    else true
  end
$$;

comment on function monitoring.is_private_host(text) is
'Returns whether a host, as returned by find_url_host(), is private, loopback, link-local or reserved, or only
resolvable in a private network.';
