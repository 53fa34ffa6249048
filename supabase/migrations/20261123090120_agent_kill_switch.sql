-- Purpose: provides the RPC that sets and releases the kill switch.
-- Objects: function public.set_kill_switch.
-- Risks: takes its locks in the order of every change of the configuration: the advisory lock of action starts and
--   ends, the kill_switch row, the incidents of claims and running actions, the head of the caller's audit chain.
--   Arguments are checked before all of them.

create function public.set_kill_switch(enabled boolean, reason text, requested_by text default null)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_reason text := monitoring.read_required_text('reason', set_kill_switch.reason, 500);
  v_requested_by text := coalesce(
    monitoring.read_optional_line('requested_by', set_kill_switch.requested_by, 200), monitoring.read_editor()
  );
  v_running bigint;
begin
  if set_kill_switch.enabled is null then
    perform monitoring.refuse_request(
      'PT400', 'enabled is missing', 'enabled', 'Send true to stop all agents, or false to let them act again.'
    );
  end if;
  perform pg_advisory_xact_lock(20261126, 1);
  select count(*)
  into v_running
  from monitoring.running_actions;
  perform monitoring.set_change_context(v_requested_by, jsonb_build_object('reason', v_reason));
  update public.system_config
  set value = case
    when set_kill_switch.enabled then jsonb_build_object('enabled', true, 'reason', v_reason)
    else '{"enabled": false}'
  end
  where system_config.key = 'kill_switch';
  perform monitoring.set_change_context('', '{}');
  return jsonb_build_object(
    'is_kill_switch_on', monitoring.is_kill_switch_on(),
    'stopped_actions', case when set_kill_switch.enabled then v_running else 0 end
  );
end
$$;

revoke all on function public.set_kill_switch(boolean, text, text) from public, anon, authenticated, service_role;

grant execute on function public.set_kill_switch(boolean, text, text) to service_role;

comment on function public.set_kill_switch(boolean, text, text) is
'Stops all agents, or lets them act again, and returns {"is_kill_switch_on", "stopped_actions"}.

enabled true ends the running actions as failed, and all claims, and refuses new ones; notifications about incidents go
on, except to agents. reason is required and is recorded in agent_actions, with requested_by, the name of the person
who asked for it, at most 200 bytes. Security definer, because service_role may change the configuration through such functions only.';
