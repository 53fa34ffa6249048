-- Notifications of the last 7 days per channel: how many were delivered, wait or were given up, how long it took, and
-- the newest reason of a failure. monitoring.notifications has the single ones.
select
  notifications.channel,
  count(*) filter (where notifications.status = 'delivered') as delivered,
  count(*) filter (where notifications.status in ('queued', 'sending')) as waiting,
  count(*) filter (where notifications.status = 'collapsed') as collapsed,
  count(*) filter (where notifications.status = 'dead') as dead,
  max(notifications.finished_at) filter (where notifications.status = 'delivered') as last_delivered_at,
  round(
    percentile_cont(0.95) within group (
      order by extract(epoch from notifications.finished_at - notifications.created_at)
    ) filter (where notifications.status = 'delivered')
  ) as p95_seconds,
  (
    array_agg(notifications.error order by notifications.id desc)
    filter (where notifications.status <> 'delivered' and notifications.error is not null)
  )[1] as newest_reason
from monitoring.notifications
where notifications.created_at > now() - interval '7 days'
group by notifications.channel
order by dead desc, notifications.channel asc;
