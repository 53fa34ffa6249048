-- Errors of the last 7 days that may be split: incidents of the same type and title, apart from quoted texts and words
-- with digits, that have different fingerprints. differs_in lists what differs between them.
-- What to do: incidents of different sources, public keys, environments or codes are apart on purpose. If the texts
-- differ only in a value, such as a name, let the program send a fingerprint of its own with each report, which has no
-- such value (docs/http-api.md, "Error reports"); if it sends one already, leave the value out of it.
with titles as (
  select
    incidents.*,
    regexp_replace(
      incidents.title, '"[^"]*"|`[^`]*`|«[^»]*»|“[^”]*”|(?<!\w)''[^'']*''(?!\w)|\S*[0-9]\S*', '…', 'g'
    ) as outline
  from public.incidents
  where
    incidents.last_seen > now() - interval '7 days'
    and incidents.sender not in ('health-check', 'security', 'service')
)

select
  titles.error_type,
  titles.outline,
  count(distinct titles.fingerprint) as fingerprints,
  sum(titles.occurrence_count) as occurrences,
  concat_ws(
    ', ',
    case when count(distinct coalesce(titles.context ->> 'fingerprint', '')) > 1 then 'fingerprint of the report' end,
    case when count(distinct titles.source) > 1 then 'source' end,
    case when count(distinct titles.sender) filter (where titles.sender like 'public:%') > 1 then 'public key' end,
    case when count(distinct coalesce(titles.environment, '')) > 1 then 'environment' end,
    case when count(distinct coalesce(titles.error_code, '')) > 1 then 'code' end,
    case when count(distinct titles.message) > 1 then 'text' end
  ) as differs_in,
  (array_agg(distinct titles.title))[1:3] as titles,
  (array_agg(titles.id order by titles.last_seen desc))[1:5] as incidents
from titles
group by titles.error_type, titles.outline
having count(distinct titles.fingerprint) > 1
order by fingerprints desc, occurrences desc
limit 50;
