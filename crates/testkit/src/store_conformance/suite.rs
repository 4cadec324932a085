//! The list of the bodies, as macros that make a test of each.

/// Makes a test of every body that needs a store once. The argument makes a fresh
/// [`Backend`](crate::store_conformance::Backend).
#[macro_export]
macro_rules! store_conformance {
    ($backend:expr) => {
        $crate::store_tests! { $backend;
            round_trip: executions_are_read_back_in_every_status,
                executions_are_read_back_with_every_ending,
                nodes_are_read_back_in_every_state,
                nodes_and_attempts_are_listed_by_the_numbers_in_their_paths,
                attempts_are_read_back_in_every_status,
                approvals_are_read_back_in_every_status,
                later_rows_replace_earlier_ones;
            large_values: large_values_are_read_back_wherever_they_stand,
                values_about_as_large_as_a_row_takes_are_read_back,
                a_large_value_takes_the_place_of_another,
                large_values_are_read_back_until_the_last_execution_with_them_is_deleted;
            creation: an_execution_is_created_once,
                an_id_that_many_race_on_makes_one_execution,
                a_key_makes_one_execution_and_is_answered_with_it,
                a_key_that_many_race_on_makes_one_execution,
                a_key_of_another_request_is_refused,
                keys_belong_to_tenants,
                an_expired_key_may_be_used_again;
            commits: a_commit_moves_the_revision_on,
                a_stale_revision_writes_nothing,
                another_epoch_writes_nothing,
                an_unknown_execution_cannot_be_committed,
                a_terminal_execution_never_changes,
                commits_of_many_executions_at_once_are_all_made,
                a_fenced_commit_does_not_keep_others_from_being_made,
                commits_of_one_execution_are_made_in_order;
            events: events_are_numbered_without_gaps_and_read_in_parts,
                a_number_that_was_used_is_refused_with_the_whole_commit,
                a_refused_commit_does_not_keep_others_from_being_made;
            lists: executions_are_listed_newest_first_in_parts,
                executions_are_filtered,
                executions_are_filtered_by_labels,
                approvals_are_listed_pending_first_in_parts,
                approvals_are_filtered,
                approvals_of_a_tree_are_listed_together,
                a_cursor_that_no_list_gave_out_is_refused,
                another_tenant_sees_nothing;
            recovery: the_claimed_rows_are_those_that_were_written,
                what_cannot_be_claimed_is_none,
                parked_executions_are_due_in_the_order_of_their_times,
                nothing_is_interrupted_in_its_own_epoch;
            trees: children_are_listed_ascending,
                a_tree_is_counted_with_its_top,
                a_snapshot_has_the_rows_that_a_claim_reads,
                a_snapshot_of_any_execution_takes_nothing_over;
            purses: an_execution_with_a_budget_has_a_purse,
                what_is_reserved_is_settled,
                a_commit_without_room_writes_nothing,
                of_two_commits_at_once_the_first_takes_what_is_left,
                what_one_commit_frees_the_next_may_take,
                a_fenced_commit_draws_nothing,
                an_overrun_is_settled_and_leaves_no_room,
                another_limit_counts_for_the_commit_that_sets_it,
                a_purse_of_a_tenant_is_made_on_first_use,
                a_purse_that_is_not_kept_has_no_limit,
                amounts_end_at_the_ends_of_their_range,
                purses_of_earlier_days_and_months_are_forgotten,
                a_purse_is_forgotten_with_its_execution;
            ledger: a_ledger_has_everything_below_and_nothing_else,
                a_ledger_of_another_tenant_is_absent,
                what_a_deleted_child_has_told_stays_in_the_ledger,
                a_ledger_has_the_purse_as_its_attempts_have_left_it;
            history: only_what_ran_and_completed_in_this_version_is_history,
                history_begins_with_the_newest_and_is_bounded;
            deletion: a_terminal_execution_is_forgotten_with_all_that_is_its,
                a_live_execution_is_not_deleted,
                what_has_ended_is_found_unless_its_tree_still_runs,
                those_that_name_a_forgotten_execution_stay,
                a_key_outlives_its_execution;
            workflows: a_workflow_is_read_back,
                a_version_is_added_to_the_one_that_was_seen,
                versions_never_change_and_are_listed_ascending,
                archiving_is_done_once_and_undone_by_a_version,
                a_workflow_is_published_until_it_is_withdrawn,
                workflows_are_listed_newest_first_in_parts,
                workflows_are_found_by_any_text_of_their_name,
                the_newest_active_workflow_of_a_name_is_found,
                a_key_makes_one_workflow,
                a_workflow_of_another_tenant_is_absent;
            agents: agents_are_saved_replaced_and_deleted, agents_of_two_tenants_are_two_agents,
                a_key_makes_one_agent;
            api_keys: api_keys_are_added_and_read_back,
                an_api_key_is_revoked_once;
            secrets: secrets_are_saved_replaced_and_deleted,
                secrets_belong_to_tenants;
            webhooks: webhooks_are_made_replaced_and_removed,
                a_key_makes_one_webhook,
                a_tenant_has_so_many_webhooks_and_no_more,
                events_are_to_be_told_to_whoever_wants_them,
                what_is_not_written_is_not_told,
                deliveries_are_settled_or_due_again,
                deliveries_go_with_their_execution;
            breakers: a_breaker_is_kept_until_it_is_replaced_or_deleted,
                breakers_of_two_tenants_agents_are_two,
                breakers_are_read_in_the_order_of_their_changes_and_in_parts;
        }
    };
}

/// Makes a test of every body that closes a store and opens it again. The argument makes a fresh
/// [`Backend`](crate::store_conformance::Backend) whose data outlive the store.
#[macro_export]
macro_rules! store_reopening {
    ($backend:expr) => {
        $crate::store_reopening_tests! { $backend;
            recovery: everything_is_there_after_reopening,
                what_was_being_driven_is_interrupted_after_reopening,
                a_claim_under_the_next_epoch_fences_the_one_before;
            purses: purses_are_there_after_reopening;
            api_keys: api_keys_are_there_after_reopening;
            secrets: secrets_are_there_after_reopening;
            webhooks: webhooks_are_there_after_reopening;
            breakers: a_breaker_is_there_after_reopening_and_changes_are_numbered_on;
        }
    };
}

/// Makes the tests of [`store_conformance!`](macro@crate::store_conformance).
#[doc(hidden)]
#[macro_export]
macro_rules! store_tests {
    ($backend:expr; $($module:ident: $($name:ident),+;)+) => {
        $($(
            #[tokio::test]
            async fn $name() -> $crate::store_conformance::TestResult {
                use $crate::store_conformance::Backend as _;

                let backend = $backend;
                let store = backend.open().await?;
                $crate::store_conformance::$module::$name(&store).await?;
                backend.close(store).await;
                Ok(())
            }
        )+)+
    };
}

/// Makes the tests of [`store_reopening!`](crate::store_reopening).
#[doc(hidden)]
#[macro_export]
macro_rules! store_reopening_tests {
    ($backend:expr; $($module:ident: $($name:ident),+;)+) => {
        $($(
            #[tokio::test]
            async fn $name() -> $crate::store_conformance::TestResult {
                $crate::store_conformance::$module::$name(&$backend).await
            }
        )+)+
    };
}
