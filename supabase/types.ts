// Written by `make types` from the migrations. Do not edit.
export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[]

export type Database = {
  
  "public": {
          Tables: {
            "agent_actions": {
                  Row: {
                    "action": string,"agent": string,"caller": string,"chain": string,"chain_position": number,"content_hash": string,"content_salt": string,"created_at": string,"details": NonNullable<Json>,"duration_ms": number | null,"error": string | null,"finishes_id": number | null,"hash": string,"id": number,"incident_id": string | null,"knowledge_id": number | null,"previous_hash": string | null,"safety_checks": NonNullable<Json>,"safety_verdict": string,"success": boolean | null
                  }
                  ComputedFields: never
                  Insert: {
                    "action": string,"agent": string,"caller": string,"chain"?: never,"chain_position": number,"content_hash": string,"content_salt": string,"created_at"?: string,"details"?: NonNullable<Json>,"duration_ms"?: number | null,"error"?: string | null,"finishes_id"?: number | null,"hash": string,"id"?: never,"incident_id"?: string | null,"knowledge_id"?: number | null,"previous_hash"?: string | null,"safety_checks"?: NonNullable<Json>,"safety_verdict"?: string,"success"?: boolean | null
                  }
                  Update: {
                    "action"?: string,"agent"?: string,"caller"?: string,"chain"?: never,"chain_position"?: number,"content_hash"?: string,"content_salt"?: string,"created_at"?: string,"details"?: NonNullable<Json>,"duration_ms"?: number | null,"error"?: string | null,"finishes_id"?: number | null,"hash"?: string,"id"?: never,"incident_id"?: string | null,"knowledge_id"?: number | null,"previous_hash"?: string | null,"safety_checks"?: NonNullable<Json>,"safety_verdict"?: string,"success"?: boolean | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "agent_actions_incident_id_fkey"
      columns: ["incident_id"]
isOneToOne: false
      referencedRelation: "incidents"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "agent_actions_incident_id_fkey"
      columns: ["incident_id"]
isOneToOne: false
      referencedRelation: "open_incidents"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "agent_actions_incident_id_fkey"
      columns: ["incident_id"]
isOneToOne: false
      referencedRelation: "target_panels"
      referencedColumns: ["incident_id"]
    },{
      foreignKeyName: "agent_actions_incident_id_fkey"
      columns: ["incident_id"]
isOneToOne: false
      referencedRelation: "target_status"
      referencedColumns: ["incident_id"]
    },{
      foreignKeyName: "agent_actions_knowledge_id_fkey"
      columns: ["knowledge_id"]
isOneToOne: false
      referencedRelation: "error_knowledge"
      referencedColumns: ["id"]
    }
                  ]
                },"classification_rules": {
                  Row: {
                    "category": Database["public"]['Enums']["incident_category"] | null,"codes": (string)[] | null,"codes_query": unknown,"counterexample": string | null,"created_at": string,"example": string,"is_enabled": boolean,"matches": unknown,"name": string,"origin": string,"pattern": string | null,"priority": number,"severity": Database["public"]['Enums']["incident_severity"] | null,"sources": (string)[] | null,"statuses": unknown,"unless": unknown,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "category"?: Database["public"]['Enums']["incident_category"] | null,"codes"?: (string)[] | null,"codes_query"?: never,"counterexample"?: string | null,"created_at"?: string,"example": string,"is_enabled"?: boolean,"matches"?: unknown,"name": string,"origin"?: string,"pattern"?: string | null,"priority"?: number,"severity"?: Database["public"]['Enums']["incident_severity"] | null,"sources"?: (string)[] | null,"statuses"?: unknown,"unless"?: unknown,"updated_at"?: string
                  }
                  Update: {
                    "category"?: Database["public"]['Enums']["incident_category"] | null,"codes"?: (string)[] | null,"codes_query"?: never,"counterexample"?: string | null,"created_at"?: string,"example"?: string,"is_enabled"?: boolean,"matches"?: unknown,"name"?: string,"origin"?: string,"pattern"?: string | null,"priority"?: number,"severity"?: Database["public"]['Enums']["incident_severity"] | null,"sources"?: (string)[] | null,"statuses"?: unknown,"unless"?: unknown,"updated_at"?: string
                  }
                  Relationships: [
                    
                  ]
                },"deployment_history": {
                  Row: {
                    "caller": string,"commit_hash": string | null,"deployed_by": string,"duration": string | null,"environment": string,"external_id": string | null,"external_url": string | null,"finished_at": string | null,"id": number,"rollback_of": number | null,"rollback_reason": string | null,"service": string,"started_at": string,"status": Database["public"]['Enums']["deployment_status"],"test_results": NonNullable<Json>,"version": string
                  }
                  ComputedFields: never
                  Insert: {
                    "caller"?: string,"commit_hash"?: string | null,"deployed_by": string,"duration"?: never,"environment"?: string,"external_id"?: string | null,"external_url"?: string | null,"finished_at"?: string | null,"id"?: never,"rollback_of"?: number | null,"rollback_reason"?: string | null,"service": string,"started_at"?: string,"status"?: Database["public"]['Enums']["deployment_status"],"test_results"?: NonNullable<Json>,"version": string
                  }
                  Update: {
                    "caller"?: string,"commit_hash"?: string | null,"deployed_by"?: string,"duration"?: never,"environment"?: string,"external_id"?: string | null,"external_url"?: string | null,"finished_at"?: string | null,"id"?: never,"rollback_of"?: number | null,"rollback_reason"?: string | null,"service"?: string,"started_at"?: string,"status"?: Database["public"]['Enums']["deployment_status"],"test_results"?: NonNullable<Json>,"version"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "deployment_history_rollback_of_fkey"
      columns: ["rollback_of"]
isOneToOne: false
      referencedRelation: "deployment_history"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "deployment_history_rollback_of_fkey"
      columns: ["rollback_of"]
isOneToOne: false
      referencedRelation: "deployment_impact"
      referencedColumns: ["deployment_id"]
    }
                  ]
                },"email_tracking": {
                  Row: {
                    "bounced_at": string | null,"click_count": number,"clicked_at": string | null,"created_at": string,"delivered_at": string | null,"error": string | null,"id": number,"incident_id": string | null,"open_count": number,"opened_at": string | null,"provider_id": string | null,"recipient": string,"sent_at": string | null,"status": Database["public"]['Enums']["email_status"],"subject": string
                  }
                  ComputedFields: never
                  Insert: {
                    "bounced_at"?: string | null,"click_count"?: number,"clicked_at"?: string | null,"created_at"?: string,"delivered_at"?: string | null,"error"?: string | null,"id"?: never,"incident_id"?: string | null,"open_count"?: number,"opened_at"?: string | null,"provider_id"?: string | null,"recipient": string,"sent_at"?: string | null,"status"?: Database["public"]['Enums']["email_status"],"subject": string
                  }
                  Update: {
                    "bounced_at"?: string | null,"click_count"?: number,"clicked_at"?: string | null,"created_at"?: string,"delivered_at"?: string | null,"error"?: string | null,"id"?: never,"incident_id"?: string | null,"open_count"?: number,"opened_at"?: string | null,"provider_id"?: string | null,"recipient"?: string,"sent_at"?: string | null,"status"?: Database["public"]['Enums']["email_status"],"subject"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "email_tracking_incident_id_fkey"
      columns: ["incident_id"]
isOneToOne: false
      referencedRelation: "incidents"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "email_tracking_incident_id_fkey"
      columns: ["incident_id"]
isOneToOne: false
      referencedRelation: "open_incidents"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "email_tracking_incident_id_fkey"
      columns: ["incident_id"]
isOneToOne: false
      referencedRelation: "target_panels"
      referencedColumns: ["incident_id"]
    },{
      foreignKeyName: "email_tracking_incident_id_fkey"
      columns: ["incident_id"]
isOneToOne: false
      referencedRelation: "target_status"
      referencedColumns: ["incident_id"]
    }
                  ]
                },"error_knowledge": {
                  Row: {
                    "approved_at": string | null,"approved_by": string | null,"auto_fix_code": string | null,"category": Database["public"]['Enums']["incident_category"],"created_at": string,"embedding": string | null,"failure_count": number,"id": number,"is_approved": boolean,"is_auto_fix_allowed": boolean,"pattern": string,"remembered_by": string,"revision": number,"root_cause": string | null,"severity": Database["public"]['Enums']["incident_severity"],"signature": string,"solution": string | null,"success_count": number,"success_rate": number | null,"updated_at": string,"words": unknown
                  }
                  ComputedFields: never
                  Insert: {
                    "approved_at"?: string | null,"approved_by"?: string | null,"auto_fix_code"?: string | null,"category": Database["public"]['Enums']["incident_category"],"created_at"?: string,"embedding"?: string | null,"failure_count"?: number,"id"?: never,"is_approved"?: never,"is_auto_fix_allowed"?: boolean,"pattern": string,"remembered_by"?: string,"revision"?: number,"root_cause"?: string | null,"severity": Database["public"]['Enums']["incident_severity"],"signature": string,"solution"?: string | null,"success_count"?: number,"success_rate"?: never,"updated_at"?: string,"words"?: never
                  }
                  Update: {
                    "approved_at"?: string | null,"approved_by"?: string | null,"auto_fix_code"?: string | null,"category"?: Database["public"]['Enums']["incident_category"],"created_at"?: string,"embedding"?: string | null,"failure_count"?: number,"id"?: never,"is_approved"?: never,"is_auto_fix_allowed"?: boolean,"pattern"?: string,"remembered_by"?: string,"revision"?: number,"root_cause"?: string | null,"severity"?: Database["public"]['Enums']["incident_severity"],"signature"?: string,"solution"?: string | null,"success_count"?: number,"success_rate"?: never,"updated_at"?: string,"words"?: never
                  }
                  Relationships: [
                    
                  ]
                },"incidents": {
                  Row: {
                    "acknowledged_at": string | null,"acknowledged_by": string | null,"active_hour": string | null,"category": Database["public"]['Enums']["incident_category"],"claim_caller": string | null,"claim_expires_at": string | null,"claimed_by": string | null,"context": NonNullable<Json>,"deployment_id": number | null,"environment": string | null,"error_code": string | null,"error_type": string | null,"external_id": string | null,"external_url": string | null,"fingerprint": string,"first_seen": string,"has_manual_severity": boolean,"id": string,"knowledge_id": number | null,"last_seen": string,"message": string,"occurrence_count": number,"open_before": string,"opened_at": string | null,"release": string | null,"reopened_at": string | null,"resolution": string | null,"resolved_at": string | null,"resolved_by": string | null,"rule": string,"sender": string,"severity": Database["public"]['Enums']["incident_severity"],"source": string,"spawned_agents": (string)[],"stack": string | null,"status": Database["public"]['Enums']["incident_status"],"suppressed_until": string | null,"time_to_resolution": string | null,"title": string,"url": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "acknowledged_at"?: string | null,"acknowledged_by"?: string | null,"active_hour"?: never,"category": Database["public"]['Enums']["incident_category"],"claim_caller"?: string | null,"claim_expires_at"?: string | null,"claimed_by"?: string | null,"context"?: NonNullable<Json>,"deployment_id"?: number | null,"environment"?: string | null,"error_code"?: string | null,"error_type"?: string | null,"external_id"?: string | null,"external_url"?: string | null,"fingerprint": string,"first_seen"?: string,"has_manual_severity"?: boolean,"id"?: string,"knowledge_id"?: number | null,"last_seen"?: string,"message": string,"occurrence_count"?: number,"open_before"?: string,"opened_at"?: never,"release"?: string | null,"reopened_at"?: string | null,"resolution"?: string | null,"resolved_at"?: string | null,"resolved_by"?: string | null,"rule": string,"sender"?: string,"severity": Database["public"]['Enums']["incident_severity"],"source"?: string,"spawned_agents"?: (string)[],"stack"?: string | null,"status"?: Database["public"]['Enums']["incident_status"],"suppressed_until"?: string | null,"time_to_resolution"?: never,"title": string,"url"?: string | null
                  }
                  Update: {
                    "acknowledged_at"?: string | null,"acknowledged_by"?: string | null,"active_hour"?: never,"category"?: Database["public"]['Enums']["incident_category"],"claim_caller"?: string | null,"claim_expires_at"?: string | null,"claimed_by"?: string | null,"context"?: NonNullable<Json>,"deployment_id"?: number | null,"environment"?: string | null,"error_code"?: string | null,"error_type"?: string | null,"external_id"?: string | null,"external_url"?: string | null,"fingerprint"?: string,"first_seen"?: string,"has_manual_severity"?: boolean,"id"?: string,"knowledge_id"?: number | null,"last_seen"?: string,"message"?: string,"occurrence_count"?: number,"open_before"?: string,"opened_at"?: never,"release"?: string | null,"reopened_at"?: string | null,"resolution"?: string | null,"resolved_at"?: string | null,"resolved_by"?: string | null,"rule"?: string,"sender"?: string,"severity"?: Database["public"]['Enums']["incident_severity"],"source"?: string,"spawned_agents"?: (string)[],"stack"?: string | null,"status"?: Database["public"]['Enums']["incident_status"],"suppressed_until"?: string | null,"time_to_resolution"?: never,"title"?: string,"url"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "incidents_deployment_id_fkey"
      columns: ["deployment_id"]
isOneToOne: false
      referencedRelation: "deployment_history"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "incidents_deployment_id_fkey"
      columns: ["deployment_id"]
isOneToOne: false
      referencedRelation: "deployment_impact"
      referencedColumns: ["deployment_id"]
    },{
      foreignKeyName: "incidents_knowledge_id_fkey"
      columns: ["knowledge_id"]
isOneToOne: false
      referencedRelation: "error_knowledge"
      referencedColumns: ["id"]
    }
                  ]
                },"monitoring_checks": {
                  Row: {
                    "answer_excerpt": string | null,"answer_headers": Json | null,"answered_at": string | null,"attempt": number,"completed_at": string,"consecutive_failures": number,"error": string | null,"error_count": number,"http_status": number | null,"id": number,"incident_id": string | null,"interval_minutes": number,"is_maintenance": boolean,"response_time_error_ms": number | null,"response_time_ms": number | null,"scheduled_at": string,"sent_at": string | null,"service_problem": string | null,"service_status": Database["public"]['Enums']["check_status"] | null,"status": Database["public"]['Enums']["check_status"],"target": string,"target_type": Database["public"]['Enums']["target_type"],"unmet_condition": string | null,"url": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "answer_excerpt"?: string | null,"answer_headers"?: Json | null,"answered_at"?: string | null,"attempt"?: number,"completed_at": string,"consecutive_failures"?: number,"error"?: string | null,"error_count"?: number,"http_status"?: number | null,"id"?: number,"incident_id"?: string | null,"interval_minutes"?: number,"is_maintenance"?: boolean,"response_time_error_ms"?: number | null,"response_time_ms"?: number | null,"scheduled_at": string,"sent_at"?: string | null,"service_problem"?: string | null,"service_status"?: Database["public"]['Enums']["check_status"] | null,"status": Database["public"]['Enums']["check_status"],"target": string,"target_type": Database["public"]['Enums']["target_type"],"unmet_condition"?: string | null,"url"?: string | null
                  }
                  Update: {
                    "answer_excerpt"?: string | null,"answer_headers"?: Json | null,"answered_at"?: string | null,"attempt"?: number,"completed_at"?: string,"consecutive_failures"?: number,"error"?: string | null,"error_count"?: number,"http_status"?: number | null,"id"?: number,"incident_id"?: string | null,"interval_minutes"?: number,"is_maintenance"?: boolean,"response_time_error_ms"?: number | null,"response_time_ms"?: number | null,"scheduled_at"?: string,"sent_at"?: string | null,"service_problem"?: string | null,"service_status"?: Database["public"]['Enums']["check_status"] | null,"status"?: Database["public"]['Enums']["check_status"],"target"?: string,"target_type"?: Database["public"]['Enums']["target_type"],"unmet_condition"?: string | null,"url"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "monitoring_checks_incident_id_fkey"
      columns: ["incident_id"]
isOneToOne: false
      referencedRelation: "incidents"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "monitoring_checks_incident_id_fkey"
      columns: ["incident_id"]
isOneToOne: false
      referencedRelation: "open_incidents"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "monitoring_checks_incident_id_fkey"
      columns: ["incident_id"]
isOneToOne: false
      referencedRelation: "target_panels"
      referencedColumns: ["incident_id"]
    },{
      foreignKeyName: "monitoring_checks_incident_id_fkey"
      columns: ["incident_id"]
isOneToOne: false
      referencedRelation: "target_status"
      referencedColumns: ["incident_id"]
    }
                  ]
                },"security_events": {
                  Row: {
                    "action_taken": string | null,"caller": string,"confidence": number,"created_at": string,"details": NonNullable<Json>,"event_type": string,"id": number,"incident_id": string | null,"ip_address": unknown,"severity": Database["public"]['Enums']["incident_severity"],"user_id": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "action_taken"?: string | null,"caller"?: string,"confidence": number,"created_at"?: string,"details"?: NonNullable<Json>,"event_type": string,"id"?: never,"incident_id"?: string | null,"ip_address"?: unknown,"severity": Database["public"]['Enums']["incident_severity"],"user_id"?: string | null
                  }
                  Update: {
                    "action_taken"?: string | null,"caller"?: string,"confidence"?: number,"created_at"?: string,"details"?: NonNullable<Json>,"event_type"?: string,"id"?: never,"incident_id"?: string | null,"ip_address"?: unknown,"severity"?: Database["public"]['Enums']["incident_severity"],"user_id"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "security_events_incident_id_fkey"
      columns: ["incident_id"]
isOneToOne: false
      referencedRelation: "incidents"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "security_events_incident_id_fkey"
      columns: ["incident_id"]
isOneToOne: false
      referencedRelation: "open_incidents"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "security_events_incident_id_fkey"
      columns: ["incident_id"]
isOneToOne: false
      referencedRelation: "target_panels"
      referencedColumns: ["incident_id"]
    },{
      foreignKeyName: "security_events_incident_id_fkey"
      columns: ["incident_id"]
isOneToOne: false
      referencedRelation: "target_status"
      referencedColumns: ["incident_id"]
    }
                  ]
                },"system_config": {
                  Row: {
                    "description": string,"key": string,"updated_at": string,"updated_by": string,"value": NonNullable<Json>
                  }
                  ComputedFields: never
                  Insert: {
                    "description": string,"key": string,"updated_at"?: string,"updated_by"?: string,"value": NonNullable<Json>
                  }
                  Update: {
                    "description"?: string,"key"?: string,"updated_at"?: string,"updated_by"?: string,"value"?: NonNullable<Json>
                  }
                  Relationships: [
                    
                  ]
                }
          }
          Views: {
            "certificate_status": {
                  Row: {
                    "days_left": number | null,"expires_at": string | null,"issuer": string | null,"looked_at": string | null,"names": (string)[],"problem": string | null,"target": string
                  }
                  ComputedFields: never
                  Insert: {
                           "days_left"?: never,"expires_at"?: string | null,"issuer"?: string | null,"looked_at"?: string | null,"names"?: (string)[] | null,"problem"?: string | null,"target"?: string | null
                         }
                        Update: {
                           "days_left"?: never,"expires_at"?: string | null,"issuer"?: string | null,"looked_at"?: string | null,"names"?: (string)[] | null,"problem"?: string | null,"target"?: string | null
                         }
                        Relationships: [
                    
                  ]
                },"deployment_impact": {
                  Row: {
                    "critical_incidents": number | null,"deployment_id": number,"environment": string,"finished_at": string | null,"incidents": number | null,"occurrences": number | null,"open_incidents": number | null,"rollback_of": number | null,"service": string,"started_at": string,"status": Database["public"]['Enums']["deployment_status"],"version": string,"worst_severity": Database["public"]['Enums']["incident_severity"] | null
                  }
                  ComputedFields: never
                  Relationships: [
                    {
      foreignKeyName: "deployment_history_rollback_of_fkey"
      columns: ["rollback_of"]
isOneToOne: false
      referencedRelation: "deployment_history"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "deployment_history_rollback_of_fkey"
      columns: ["rollback_of"]
isOneToOne: false
      referencedRelation: "deployment_impact"
      referencedColumns: ["deployment_id"]
    }
                  ]
                },"incident_occurrences": {
                  Row: {
                    "environment": string | null,"first_seen": string,"hour": string,"incident_id": string,"last_seen": string,"occurrences": number,"release": string | null
                  }
                  ComputedFields: never
                  Insert: {
                           "environment"?: never,"first_seen"?: string | null,"hour"?: string | null,"incident_id"?: string | null,"last_seen"?: string | null,"occurrences"?: number | null,"release"?: never
                         }
                        Update: {
                           "environment"?: never,"first_seen"?: string | null,"hour"?: string | null,"incident_id"?: string | null,"last_seen"?: string | null,"occurrences"?: number | null,"release"?: never
                         }
                        Relationships: [
                    {
      foreignKeyName: "incident_hours_incident_id_fkey"
      columns: ["incident_id"]
isOneToOne: false
      referencedRelation: "incidents"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "incident_hours_incident_id_fkey"
      columns: ["incident_id"]
isOneToOne: false
      referencedRelation: "open_incidents"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "incident_hours_incident_id_fkey"
      columns: ["incident_id"]
isOneToOne: false
      referencedRelation: "target_panels"
      referencedColumns: ["incident_id"]
    },{
      foreignKeyName: "incident_hours_incident_id_fkey"
      columns: ["incident_id"]
isOneToOne: false
      referencedRelation: "target_status"
      referencedColumns: ["incident_id"]
    }
                  ]
                },"incident_stats": {
                  Row: {
                    "category": Database["public"]['Enums']["incident_category"] | null,"day": string | null,"mtta": string | null,"mttr": string | null,"opened": number | null,"resolved": number | null,"severity": Database["public"]['Enums']["incident_severity"] | null
                  }
                  ComputedFields: never
                  Relationships: [
                    
                  ]
                },"incident_timeline": {
                  Row: {
                    "agent": string,"caller": string,"details": NonNullable<Json>,"from": string | null,"happened_at": string,"id": number,"incident_id": string | null,"safety_verdict": string,"success": boolean | null,"to": string | null,"what": string,"who": string | null,"why": string | null
                  }
                  ComputedFields: never
                  Insert: {
                           "agent"?: string | null,"caller"?: string | null,"details"?: Json | null,"from"?: never,"happened_at"?: string | null,"id"?: number | null,"incident_id"?: string | null,"safety_verdict"?: string | null,"success"?: boolean | null,"to"?: never,"what"?: string | null,"who"?: never,"why"?: never
                         }
                        Update: {
                           "agent"?: string | null,"caller"?: string | null,"details"?: Json | null,"from"?: never,"happened_at"?: string | null,"id"?: number | null,"incident_id"?: string | null,"safety_verdict"?: string | null,"success"?: boolean | null,"to"?: never,"what"?: string | null,"who"?: never,"why"?: never
                         }
                        Relationships: [
                    {
      foreignKeyName: "agent_actions_incident_id_fkey"
      columns: ["incident_id"]
isOneToOne: false
      referencedRelation: "incidents"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "agent_actions_incident_id_fkey"
      columns: ["incident_id"]
isOneToOne: false
      referencedRelation: "open_incidents"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "agent_actions_incident_id_fkey"
      columns: ["incident_id"]
isOneToOne: false
      referencedRelation: "target_panels"
      referencedColumns: ["incident_id"]
    },{
      foreignKeyName: "agent_actions_incident_id_fkey"
      columns: ["incident_id"]
isOneToOne: false
      referencedRelation: "target_status"
      referencedColumns: ["incident_id"]
    }
                  ]
                },"open_incidents": {
                  Row: {
                    "acknowledged_by": string | null,"age": string | null,"category": Database["public"]['Enums']["incident_category"],"claim_expires_at": string | null,"claimed_by": string | null,"deployment_id": number | null,"environment": string | null,"external_url": string | null,"fingerprint": string,"first_seen": string,"id": string,"knowledge_id": number | null,"last_seen": string,"occurrence_count": number,"opened_at": string | null,"release": string | null,"sender": string,"severity": Database["public"]['Enums']["incident_severity"],"source": string,"status": Database["public"]['Enums']["incident_status"],"suppressed_until": string | null,"title": string
                  }
                  ComputedFields: never
                  Insert: {
                           "acknowledged_by"?: string | null,"age"?: never,"category"?: Database["public"]['Enums']["incident_category"] | null,"claim_expires_at"?: string | null,"claimed_by"?: string | null,"deployment_id"?: number | null,"environment"?: string | null,"external_url"?: string | null,"fingerprint"?: string | null,"first_seen"?: string | null,"id"?: string | null,"knowledge_id"?: number | null,"last_seen"?: string | null,"occurrence_count"?: number | null,"opened_at"?: string | null,"release"?: string | null,"sender"?: string | null,"severity"?: Database["public"]['Enums']["incident_severity"] | null,"source"?: string | null,"status"?: Database["public"]['Enums']["incident_status"] | null,"suppressed_until"?: string | null,"title"?: string | null
                         }
                        Update: {
                           "acknowledged_by"?: string | null,"age"?: never,"category"?: Database["public"]['Enums']["incident_category"] | null,"claim_expires_at"?: string | null,"claimed_by"?: string | null,"deployment_id"?: number | null,"environment"?: string | null,"external_url"?: string | null,"fingerprint"?: string | null,"first_seen"?: string | null,"id"?: string | null,"knowledge_id"?: number | null,"last_seen"?: string | null,"occurrence_count"?: number | null,"opened_at"?: string | null,"release"?: string | null,"sender"?: string | null,"severity"?: Database["public"]['Enums']["incident_severity"] | null,"source"?: string | null,"status"?: Database["public"]['Enums']["incident_status"] | null,"suppressed_until"?: string | null,"title"?: string | null
                         }
                        Relationships: [
                    {
      foreignKeyName: "incidents_deployment_id_fkey"
      columns: ["deployment_id"]
isOneToOne: false
      referencedRelation: "deployment_history"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "incidents_deployment_id_fkey"
      columns: ["deployment_id"]
isOneToOne: false
      referencedRelation: "deployment_impact"
      referencedColumns: ["deployment_id"]
    },{
      foreignKeyName: "incidents_knowledge_id_fkey"
      columns: ["knowledge_id"]
isOneToOne: false
      referencedRelation: "error_knowledge"
      referencedColumns: ["id"]
    }
                  ]
                },"target_days": {
                  Row: {
                    "day": string | null,"degraded": number | null,"degraded_seconds": number | null,"down": number | null,"down_seconds": number | null,"gap_seconds": number | null,"maintenance": number | null,"maintenance_seconds": number | null,"status": Database["public"]['Enums']["check_status"] | null,"target": string | null,"unknown": number | null,"unknown_seconds": number | null,"up": number | null,"up_seconds": number | null,"uptime_percent": number | null
                  }
                  ComputedFields: never
                  Relationships: [
                    
                  ]
                },"target_history": {
                  Row: {
                    "checks": number | null,"degraded": number | null,"degraded_seconds": number | null,"down": number | null,"down_seconds": number | null,"gap_seconds": number | null,"hour": string | null,"is_final": boolean | null,"is_summed_up": boolean | null,"maintenance": number | null,"maintenance_seconds": number | null,"max_ms": number | null,"p50_ms": number | null,"p95_ms": number | null,"target": string | null,"unknown": number | null,"unknown_seconds": number | null,"up": number | null,"up_seconds": number | null,"uptime_percent": number | null
                  }
                  ComputedFields: never
                  Relationships: [
                    
                  ]
                },"target_panels": {
                  Row: {
                    "certificate_expires_at": string | null,"certificate_issuer": string | null,"certificate_looked_at": string | null,"certificate_problem": string | null,"days": Json | null,"figures_at": string | null,"group_name": string | null,"http_status": number | null,"incident_id": string | null,"is_heartbeat": boolean | null,"is_maintenance": boolean | null,"is_paused": boolean | null,"last_check_at": string | null,"last_error": string | null,"last_heartbeat_at": string | null,"last_response_time_ms": number | null,"next_heartbeat_at": string | null,"p50_ms": number | null,"p95_ms": number | null,"pause_reason": string | null,"paused_until": string | null,"response_time_error_ms": number | null,"response_times_ms": Json | null,"seen_from": (string)[] | null,"service_problem": string | null,"service_status": Database["public"]['Enums']["check_status"] | null,"since": string,"status": Database["public"]['Enums']["check_status"],"tags": (string)[] | null,"target": string,"uptime_24h_percent": number | null,"uptime_90d_percent": number | null
                  }
                  ComputedFields: never
                  Relationships: [
                    
                  ]
                },"target_status": {
                  Row: {
                    "certificate_expires_at": string | null,"certificate_issuer": string | null,"certificate_looked_at": string | null,"certificate_problem": string | null,"figures_at": string | null,"group_name": string | null,"http_status": number | null,"incident_id": string | null,"is_heartbeat": boolean | null,"is_paused": boolean | null,"last_check_at": string | null,"last_error": string | null,"last_heartbeat_at": string | null,"last_response_time_ms": number | null,"next_heartbeat_at": string | null,"p50_ms": number | null,"p95_ms": number | null,"pause_reason": string | null,"paused_until": string | null,"response_time_error_ms": number | null,"seen_from": (string)[] | null,"service_problem": string | null,"service_status": Database["public"]['Enums']["check_status"] | null,"since": string,"status": Database["public"]['Enums']["check_status"],"tags": (string)[] | null,"target": string,"uptime_24h_percent": number | null,"uptime_30d_percent": number | null,"uptime_7d_percent": number | null
                  }
                  ComputedFields: never
                  Relationships: [
                    
                  ]
                }
          }
          Functions: {
            "acknowledge_incident":
{ Args: { "incident_id": string }; Returns: {
              "acknowledged_at": string | null,
"acknowledged_by": string | null,
"active_hour": string | null,
"category": Database["public"]['Enums']["incident_category"],
"claim_caller": string | null,
"claim_expires_at": string | null,
"claimed_by": string | null,
"context": NonNullable<Json>,
"deployment_id": number | null,
"environment": string | null,
"error_code": string | null,
"error_type": string | null,
"external_id": string | null,
"external_url": string | null,
"fingerprint": string,
"first_seen": string,
"has_manual_severity": boolean,
"id": string,
"knowledge_id": number | null,
"last_seen": string,
"message": string,
"occurrence_count": number,
"open_before": string,
"opened_at": string | null,
"release": string | null,
"reopened_at": string | null,
"resolution": string | null,
"resolved_at": string | null,
"resolved_by": string | null,
"rule": string,
"sender": string,
"severity": Database["public"]['Enums']["incident_severity"],
"source": string,
"spawned_agents": (string)[],
"stack": string | null,
"status": Database["public"]['Enums']["incident_status"],
"suppressed_until": string | null,
"time_to_resolution": string | null,
"title": string,
"url": string | null
            }
                          SetofOptions: {
        from: "*"
        to: "incidents"
        isOneToOne: true
        isSetofReturn: false
      } },
"add_incident_note":
{ Args: { "incident_id": string,"note": string }; Returns: number
                           },
"agent_guide":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"anchor_audit":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"approve_fix":
{ Args: { "is_auto_fix_allowed"?: boolean,"knowledge_id": number,"revision": number }; Returns: {
              "approved_at": string | null,
"approved_by": string | null,
"auto_fix_code": string | null,
"category": Database["public"]['Enums']["incident_category"],
"created_at": string,
"embedding": string | null,
"failure_count": number,
"id": number,
"is_approved": boolean,
"is_auto_fix_allowed": boolean,
"pattern": string,
"remembered_by": string,
"revision": number,
"root_cause": string | null,
"severity": Database["public"]['Enums']["incident_severity"],
"signature": string,
"solution": string | null,
"success_count": number,
"success_rate": number | null,
"updated_at": string,
"words": unknown
            }
                          SetofOptions: {
        from: "*"
        to: "error_knowledge"
        isOneToOne: true
        isSetofReturn: false
      } },
"begin_agent_action":
{ Args: { "action_type": string,"agent": string,"dry_run"?: boolean,"incident_id"?: string,"plan"?: Json }; Returns: Json
                           },
"capacity":
{ Args: { "size_gb"?: number }; Returns: {
              "days_left": number,"ends_at": number,"mb_a_day": number,"mb_at_most": number,"measure": string,"rows_a_day": number,"sentence": string,"unit": string,"value": number
            }[]
                           },
"change_incident":
{ Args: { "change": Json,"incident_id": string,"operator"?: string }; Returns: Json
                           },
"check_installation":
{ Args: Record<PropertyKey, never>; Returns: {
              "name": string,"number": number,"remedy": string,"result": string,"sentence": string
            }[]
                           },
"claim_next_incident":
{ Args: { "agent": string,"category"?: string,"lease_seconds"?: number,"severity"?: string,"source"?: string }; Returns: Json
                           },
"classify_error":
{ Args: { "code"?: string,"error_type"?: string,"http_status"?: number,"level"?: string,"message": string,"source"?: string,"url"?: string }; Returns: Record<string, unknown>
                           },
"erase_personal_data":
{ Args: { "most_rows"?: number,"person": string }; Returns: Json
                           },
"explain_classification":
{ Args: { "incident_id": string }; Returns: Json
                           },
"export_incidents":
{ Args: { "page"?: number,"page_size"?: number,"since": string,"until"?: string }; Returns: {
              "acknowledged_at": string,"acknowledged_by": string,"category": Database["public"]['Enums']["incident_category"],"deployment_id": number,"environment": string,"error_code": string,"error_type": string,"external_id": string,"external_url": string,"fingerprint": string,"first_seen": string,"id": string,"knowledge_id": number,"last_seen": string,"message": string,"occurrence_count": number,"release": string,"resolution": string,"resolved_at": string,"resolved_by": string,"rule": string,"seconds_to_resolution": number,"sender": string,"severity": Database["public"]['Enums']["incident_severity"],"source": string,"status": Database["public"]['Enums']["incident_status"],"title": string,"url": string
            }[]
                           },
"export_incidents_csv":
{ Args: { "page"?: number,"page_size"?: number,"since": string,"until"?: string }; Returns: unknown
                           },
"export_uptime":
{ Args: { "page"?: number,"page_size"?: number,"since": string,"until"?: string }; Returns: {
              "checks": number,"day": string,"degraded": number,"down": number,"downtime_minutes": number,"maintenance": number,"p50_ms": number,"p95_ms": number,"target": string,"unknown": number,"up": number,"uptime_percent": number
            }[]
                           },
"export_uptime_csv":
{ Args: { "page"?: number,"page_size"?: number,"since": string,"until"?: string }; Returns: unknown
                           },
"extend_claim":
{ Args: { "incident_id": string,"lease_seconds"?: number }; Returns: {
              "acknowledged_at": string | null,
"acknowledged_by": string | null,
"active_hour": string | null,
"category": Database["public"]['Enums']["incident_category"],
"claim_caller": string | null,
"claim_expires_at": string | null,
"claimed_by": string | null,
"context": NonNullable<Json>,
"deployment_id": number | null,
"environment": string | null,
"error_code": string | null,
"error_type": string | null,
"external_id": string | null,
"external_url": string | null,
"fingerprint": string,
"first_seen": string,
"has_manual_severity": boolean,
"id": string,
"knowledge_id": number | null,
"last_seen": string,
"message": string,
"occurrence_count": number,
"open_before": string,
"opened_at": string | null,
"release": string | null,
"reopened_at": string | null,
"resolution": string | null,
"resolved_at": string | null,
"resolved_by": string | null,
"rule": string,
"sender": string,
"severity": Database["public"]['Enums']["incident_severity"],
"source": string,
"spawned_agents": (string)[],
"stack": string | null,
"status": Database["public"]['Enums']["incident_status"],
"suppressed_until": string | null,
"time_to_resolution": string | null,
"title": string,
"url": string | null
            }
                          SetofOptions: {
        from: "*"
        to: "incidents"
        isOneToOne: true
        isSetofReturn: false
      } },
"finish_agent_action":
{ Args: { "action_id": number,"error"?: string,"result"?: Json,"success": boolean }; Returns: Json
                           },
"incident_activity":
{ Args: { "incident_id": string }; Returns: Json
                           },
"incident_context":
{ Args: { "budget"?: number,"incident_id": string }; Returns: Json
                           },
"incident_page":
{ Args: { "incident_id": string }; Returns: Json
                           },
"ingest_deliveries":
{ Args: { "deliveries": Json }; Returns: Json
                           },
"ingest_events":
{ Args: { "events": Json }; Returns: Json
                           },
"ingest_heartbeats":
{ Args: { "heartbeats": Json }; Returns: Json
                           },
"list_incidents":
{ Args: { "filters"?: Json }; Returns: Json
                           },
"match_error_knowledge":
{ Args: { "filters"?: Json,"match_count"?: number,"match_threshold"?: number,"query_embedding": string }; Returns: {
              "category": Database["public"]['Enums']["incident_category"],"id": number,"is_approved": boolean,"is_auto_fix_allowed": boolean,"pattern": string,"revision": number,"root_cause": string,"severity": Database["public"]['Enums']["incident_severity"],"similarity": number,"solution": string,"success_rate": number
            }[]
                           },
"mute_target":
{ Args: { "minutes": number,"reason": string,"target": string }; Returns: Json
                           },
"page_settings":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"pause_target":
{ Args: { "minutes"?: number,"reason"?: string,"target": string }; Returns: Json
                           },
"public_status":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"queue_email":
{ Args: { "incident_id"?: string,"recipient": string,"subject": string }; Returns: number
                           },
"record_deployment_finished":
{ Args: { "deployment_id": number,"success": boolean,"test_results"?: Json }; Returns: {
              "caller": string,
"commit_hash": string | null,
"deployed_by": string,
"duration": string | null,
"environment": string,
"external_id": string | null,
"external_url": string | null,
"finished_at": string | null,
"id": number,
"rollback_of": number | null,
"rollback_reason": string | null,
"service": string,
"started_at": string,
"status": Database["public"]['Enums']["deployment_status"],
"test_results": NonNullable<Json>,
"version": string
            }
                          SetofOptions: {
        from: "*"
        to: "deployment_history"
        isOneToOne: true
        isSetofReturn: false
      } },
"record_deployment_rolled_back":
{ Args: { "deployment_id": number,"reason": string,"version"?: string }; Returns: number
                           },
"record_deployment_started":
{ Args: { "commit_hash"?: string,"deployed_by"?: string,"environment"?: string,"service": string,"version": string }; Returns: number
                           },
"record_email_event":
{ Args: { "email_id"?: number,"error"?: string,"event": string,"occurred_at"?: string,"provider_id": string }; Returns: Json
                           },
"record_fix_outcome":
{ Args: { "has_worked": boolean,"incident_id": string,"knowledge_id": number }; Returns: Json
                           },
"record_heartbeat":
{ Args: { "name": string,"status": string }; Returns: Json
                           },
"record_invalid_signature":
{ Args: { "ip_address": string }; Returns: boolean
                           },
"record_looks":
{ Args: { "looks": Json }; Returns: Json
                           },
"record_provider_email_event":
{ Args: { "event": Json,"provider": string }; Returns: Json
                           },
"record_security_event":
{ Args: { "action_taken"?: string,"confidence": number,"details"?: Json,"event_type": string,"ip_address"?: string,"severity": string,"user_id"?: string }; Returns: Json
                           },
"release_claim":
{ Args: { "incident_id": string,"reason": string }; Returns: {
              "acknowledged_at": string | null,
"acknowledged_by": string | null,
"active_hour": string | null,
"category": Database["public"]['Enums']["incident_category"],
"claim_caller": string | null,
"claim_expires_at": string | null,
"claimed_by": string | null,
"context": NonNullable<Json>,
"deployment_id": number | null,
"environment": string | null,
"error_code": string | null,
"error_type": string | null,
"external_id": string | null,
"external_url": string | null,
"fingerprint": string,
"first_seen": string,
"has_manual_severity": boolean,
"id": string,
"knowledge_id": number | null,
"last_seen": string,
"message": string,
"occurrence_count": number,
"open_before": string,
"opened_at": string | null,
"release": string | null,
"reopened_at": string | null,
"resolution": string | null,
"resolved_at": string | null,
"resolved_by": string | null,
"rule": string,
"sender": string,
"severity": Database["public"]['Enums']["incident_severity"],
"source": string,
"spawned_agents": (string)[],
"stack": string | null,
"status": Database["public"]['Enums']["incident_status"],
"suppressed_until": string | null,
"time_to_resolution": string | null,
"title": string,
"url": string | null
            }
                          SetofOptions: {
        from: "*"
        to: "incidents"
        isOneToOne: true
        isSetofReturn: false
      } },
"remember_fix":
{ Args: { "auto_fix_code"?: string,"category"?: string,"embedding"?: string,"error_type"?: string,"incident_id"?: string,"pattern"?: string,"root_cause"?: string,"severity"?: string,"solution": string }; Returns: number
                           },
"reopen_incident":
{ Args: { "incident_id": string,"reason": string }; Returns: {
              "acknowledged_at": string | null,
"acknowledged_by": string | null,
"active_hour": string | null,
"category": Database["public"]['Enums']["incident_category"],
"claim_caller": string | null,
"claim_expires_at": string | null,
"claimed_by": string | null,
"context": NonNullable<Json>,
"deployment_id": number | null,
"environment": string | null,
"error_code": string | null,
"error_type": string | null,
"external_id": string | null,
"external_url": string | null,
"fingerprint": string,
"first_seen": string,
"has_manual_severity": boolean,
"id": string,
"knowledge_id": number | null,
"last_seen": string,
"message": string,
"occurrence_count": number,
"open_before": string,
"opened_at": string | null,
"release": string | null,
"reopened_at": string | null,
"resolution": string | null,
"resolved_at": string | null,
"resolved_by": string | null,
"rule": string,
"sender": string,
"severity": Database["public"]['Enums']["incident_severity"],
"source": string,
"spawned_agents": (string)[],
"stack": string | null,
"status": Database["public"]['Enums']["incident_status"],
"suppressed_until": string | null,
"time_to_resolution": string | null,
"title": string,
"url": string | null
            }
                          SetofOptions: {
        from: "*"
        to: "incidents"
        isOneToOne: true
        isSetofReturn: false
      } },
"replay_delivery":
{ Args: { "delivery_id": number }; Returns: Json
                           },
"report_error":
{ Args: { "report": Json }; Returns: Json
                           },
"resolve_incident":
{ Args: { "has_worked"?: boolean,"incident_id": string,"knowledge_id"?: number,"resolution": string }; Returns: {
              "acknowledged_at": string | null,
"acknowledged_by": string | null,
"active_hour": string | null,
"category": Database["public"]['Enums']["incident_category"],
"claim_caller": string | null,
"claim_expires_at": string | null,
"claimed_by": string | null,
"context": NonNullable<Json>,
"deployment_id": number | null,
"environment": string | null,
"error_code": string | null,
"error_type": string | null,
"external_id": string | null,
"external_url": string | null,
"fingerprint": string,
"first_seen": string,
"has_manual_severity": boolean,
"id": string,
"knowledge_id": number | null,
"last_seen": string,
"message": string,
"occurrence_count": number,
"open_before": string,
"opened_at": string | null,
"release": string | null,
"reopened_at": string | null,
"resolution": string | null,
"resolved_at": string | null,
"resolved_by": string | null,
"rule": string,
"sender": string,
"severity": Database["public"]['Enums']["incident_severity"],
"source": string,
"spawned_agents": (string)[],
"stack": string | null,
"status": Database["public"]['Enums']["incident_status"],
"suppressed_until": string | null,
"time_to_resolution": string | null,
"title": string,
"url": string | null
            }
                          SetofOptions: {
        from: "*"
        to: "incidents"
        isOneToOne: true
        isSetofReturn: false
      } },
"resume_target":
{ Args: { "target": string }; Returns: Json
                           },
"search_error_knowledge":
{ Args: { "filters"?: Json,"match_count"?: number,"query_embedding"?: string,"query_text": string }; Returns: {
              "category": Database["public"]['Enums']["incident_category"],"id": number,"is_approved": boolean,"is_auto_fix_allowed": boolean,"pattern": string,"revision": number,"root_cause": string,"score": number,"severity": Database["public"]['Enums']["incident_severity"],"solution": string,"success_rate": number
            }[]
                           },
"search_incidents":
{ Args: { "filters"?: Json }; Returns: Json
                           },
"send_test_notification":
{ Args: { "channel": string }; Returns: Json
                           },
"service_health":
{ Args: { "service_version"?: string }; Returns: Json
                           },
"set_incident_severity":
{ Args: { "incident_id": string,"reason": string,"severity": string }; Returns: {
              "acknowledged_at": string | null,
"acknowledged_by": string | null,
"active_hour": string | null,
"category": Database["public"]['Enums']["incident_category"],
"claim_caller": string | null,
"claim_expires_at": string | null,
"claimed_by": string | null,
"context": NonNullable<Json>,
"deployment_id": number | null,
"environment": string | null,
"error_code": string | null,
"error_type": string | null,
"external_id": string | null,
"external_url": string | null,
"fingerprint": string,
"first_seen": string,
"has_manual_severity": boolean,
"id": string,
"knowledge_id": number | null,
"last_seen": string,
"message": string,
"occurrence_count": number,
"open_before": string,
"opened_at": string | null,
"release": string | null,
"reopened_at": string | null,
"resolution": string | null,
"resolved_at": string | null,
"resolved_by": string | null,
"rule": string,
"sender": string,
"severity": Database["public"]['Enums']["incident_severity"],
"source": string,
"spawned_agents": (string)[],
"stack": string | null,
"status": Database["public"]['Enums']["incident_status"],
"suppressed_until": string | null,
"time_to_resolution": string | null,
"title": string,
"url": string | null
            }
                          SetofOptions: {
        from: "*"
        to: "incidents"
        isOneToOne: true
        isSetofReturn: false
      } },
"set_kill_switch":
{ Args: { "enabled": boolean,"reason": string,"requested_by"?: string }; Returns: Json
                           },
"start_health_check_round":
{ Args: Record<PropertyKey, never>; Returns: number
                           },
"status_page":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"status_summary":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"suppress_incident":
{ Args: { "incident_id": string,"reason": string,"until": string }; Returns: {
              "acknowledged_at": string | null,
"acknowledged_by": string | null,
"active_hour": string | null,
"category": Database["public"]['Enums']["incident_category"],
"claim_caller": string | null,
"claim_expires_at": string | null,
"claimed_by": string | null,
"context": NonNullable<Json>,
"deployment_id": number | null,
"environment": string | null,
"error_code": string | null,
"error_type": string | null,
"external_id": string | null,
"external_url": string | null,
"fingerprint": string,
"first_seen": string,
"has_manual_severity": boolean,
"id": string,
"knowledge_id": number | null,
"last_seen": string,
"message": string,
"occurrence_count": number,
"open_before": string,
"opened_at": string | null,
"release": string | null,
"reopened_at": string | null,
"resolution": string | null,
"resolved_at": string | null,
"resolved_by": string | null,
"rule": string,
"sender": string,
"severity": Database["public"]['Enums']["incident_severity"],
"source": string,
"spawned_agents": (string)[],
"stack": string | null,
"status": Database["public"]['Enums']["incident_status"],
"suppressed_until": string | null,
"time_to_resolution": string | null,
"title": string,
"url": string | null
            }
                          SetofOptions: {
        from: "*"
        to: "incidents"
        isOneToOne: true
        isSetofReturn: false
      } },
"system_status":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"take_looks":
{ Args: { "max_looks"?: number }; Returns: Json
                           },
"target_page":
{ Args: { "target": string }; Returns: Json
                           },
"unmute_target":
{ Args: { "target": string }; Returns: Json
                           },
"verify_audit":
{ Args: { "anchor_hash"?: string,"anchored_on"?: string,"incident_id"?: string }; Returns: Json
                           },
"write_service_targets":
{ Args: { "backend_url"?: string,"console_url"?: string }; Returns: Json
                           },
"write_service_url":
{ Args: { "url": string }; Returns: Json
                           }
          }
          Enums: {
            "check_status": "pending"|"up"|"degraded"|"down"|"unknown"|"disputed","deployment_status": "pending"|"in_progress"|"succeeded"|"failed"|"rolled_back"|"cancelled","email_status": "queued"|"sent"|"delivered"|"opened"|"clicked"|"complained"|"bounced"|"failed","incident_category": "backend"|"frontend"|"database"|"security"|"infrastructure","incident_severity": "LOW"|"MEDIUM"|"HIGH"|"CRITICAL","incident_status": "open"|"acknowledged"|"suppressed"|"resolved","target_type": "backend"|"frontend"|"database"|"other"|"heartbeat"
          }
          CompositeTypes: {
            [_ in never]: never
          }
        }
}

type DatabaseWithoutInternals = Omit<Database, '__InternalSupabase'>

type DefaultSchema = DatabaseWithoutInternals[Extract<keyof Database, "public">]

export type Tables<
  DefaultSchemaTableNameOrOptions extends
    | keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
        DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
      DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])[TableName] extends {
      Row: infer R
    }
    ? R
    : never
  : DefaultSchemaTableNameOrOptions extends keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
  ? (DefaultSchema["Tables"] & DefaultSchema["Views"])[DefaultSchemaTableNameOrOptions] extends {
      Row: infer R
    }
    ? R
    : never
  : never

export type TablesInsert<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Insert: infer I
    }
    ? I
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
  ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Insert: infer I
    }
    ? I
    : never
  : never

export type TablesUpdate<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Update: infer U
    }
    ? U
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
  ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Update: infer U
    }
    ? U
    : never
  : never

export type Enums<
  DefaultSchemaEnumNameOrOptions extends
    | keyof DefaultSchema["Enums"]
    | { schema: keyof DatabaseWithoutInternals },
  EnumName extends DefaultSchemaEnumNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"]
    : never = never
> = DefaultSchemaEnumNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"][EnumName]
  : DefaultSchemaEnumNameOrOptions extends keyof DefaultSchema["Enums"]
  ? DefaultSchema["Enums"][DefaultSchemaEnumNameOrOptions]
  : never

export type CompositeTypes<
  PublicCompositeTypeNameOrOptions extends
    | keyof DefaultSchema["CompositeTypes"]
    | { schema: keyof DatabaseWithoutInternals },
  CompositeTypeName extends PublicCompositeTypeNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"]
    : never = never
> = PublicCompositeTypeNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"][CompositeTypeName]
  : PublicCompositeTypeNameOrOptions extends keyof DefaultSchema["CompositeTypes"]
  ? DefaultSchema["CompositeTypes"][PublicCompositeTypeNameOrOptions]
  : never

export const Constants = {
  "public": {
          Enums: {
            "check_status": ["pending", "up", "degraded", "down", "unknown", "disputed"],"deployment_status": ["pending", "in_progress", "succeeded", "failed", "rolled_back", "cancelled"],"email_status": ["queued", "sent", "delivered", "opened", "clicked", "complained", "bounced", "failed"],"incident_category": ["backend", "frontend", "database", "security", "infrastructure"],"incident_severity": ["LOW", "MEDIUM", "HIGH", "CRITICAL"],"incident_status": ["open", "acknowledged", "suppressed", "resolved"],"target_type": ["backend", "frontend", "database", "other", "heartbeat"]
          }
        }
} as const
